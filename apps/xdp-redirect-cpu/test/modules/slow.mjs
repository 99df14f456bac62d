// A packet handler that takes its time: 200 µs for each packet.
export default () => ({
  receive() {
    const end = performance.now() + 0.2;
    while (performance.now() < end);
    return 0;
  },
});
