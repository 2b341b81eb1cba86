/** Short messages in a corner. They vanish by themselves, but not under a pointer or while they have the focus. */
export class Toasts {
    element: HTMLDivElement;
    /** @param {string} text @param {string} close the word @param {{label: string, done: () => void} | null} [action] @param {string} [more] */
    show(text: string, close: string, action?: {
        label: string;
        done: () => void;
    } | null, more?: string): void;
}
