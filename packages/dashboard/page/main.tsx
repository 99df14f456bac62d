/** The page's beginning: draws it, and listens to the server. */
import { render } from 'preact';
import { App } from './app.tsx';
import { listen } from './state.ts';
import { applyTheme } from './theme.ts';
import 'uplot/dist/uPlot.min.css';
import './style.css';

applyTheme();
render(<App />, document.getElementById('app')!);
listen();
