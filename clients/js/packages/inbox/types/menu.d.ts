/** @typedef {{ label: string, sure?: string, chosen: () => void }} Choice  `sure`: what it says when it asks once more */
/** One menu for all rows: opened at a button, moved in by arrows, closed by Escape or a look elsewhere. */
export class Menu {
    element: HTMLDivElement;
    /** @param {HTMLButtonElement} opener @param {Choice[]} choices @param {string} label */
    open(opener: HTMLButtonElement, choices: Choice[], label: string): void;
    /** @param {boolean} [back] whether the button has the focus again */
    close(back?: boolean): void;
    /** Whether it is open and the event is none of its own. @param {Event} event */
    isLeftBy(event: Event): boolean;
    #private;
}
/**
 * `sure`: what it says when it asks once more
 */
export type Choice = {
    label: string;
    sure?: string;
    chosen: () => void;
};
