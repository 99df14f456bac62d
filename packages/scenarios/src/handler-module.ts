/** Where every CPU finds the scenarios' packet handlers. */
export const HANDLERS = new URL('./handlers.js', import.meta.url).href;
