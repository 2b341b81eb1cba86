/** @type {import("./words.js").Words} */
export const ar: import("./words.js").Words;
