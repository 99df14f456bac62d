/** Programs and handlers that misbehave, for the command's --module and --handler. */
let met = 0;

/** Passes two frames, throws at the third, and so on. */
export const throwsAtEveryThird = () => () => {
  if (++met % 3 === 0) throw new Error('the third one');
  return 2;
};

/** Ends its thread in the middle of a poll. */
export const dies = () => () => {
  if (++met === 100) process.exit(3);
  return 2;
};

export const throwingHandler = () => ({
  receive() {
    throw new Error('no thanks');
  },
});

/** Holds its CPU for ever. */
export const neverReturns = () => () => {
  for (;;);
};

export const notAFactory = 7;
export const makesNothing = () => undefined;
