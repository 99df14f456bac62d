import { configuration } from './tooling/layers/layers.mjs';

export default configuration;
