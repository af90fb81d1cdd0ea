// A page, or a piece of one, of our own box as a document. Scripts in it do not run.

export const parse = (html) => new DOMParser().parseFromString(html, "text/html");
