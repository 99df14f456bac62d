/**
 * The reference of the command as Markdown, in the sections of a man page: made from what also makes `--help`, so that the
 * two cannot differ.
 */
import type { Argument, Command, Option } from 'commander';
import { EXIT } from './exit-codes.ts';
import { describeCommand } from './invocation.ts';

/** What stands in a table's cell must not end it. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

/** A default in words, at the end of a description. */
const DEFAULT_IN_WORDS = / \(default: (.*)\)$/;

function defaultOf({ defaultValue, description, presetArg }: Option): string {
  if (presetArg !== undefined) return `off; \`${String(presetArg)}\` where no value is given`;
  const words = DEFAULT_IN_WORDS.exec(description)?.[1];
  if (words !== undefined) return words;
  return defaultValue === undefined || typeof defaultValue === 'boolean' ? '' : `\`${String(defaultValue)}\``;
}

function optionRow(option: Option): string {
  const values = option.argChoices === undefined ? '' : `: ${option.argChoices.map((one) => `\`${one}\``).join(', ')}`;
  const meaning = `${option.description.replace(DEFAULT_IN_WORDS, '')}${values}`;
  return `| \`${cell(option.flags)}\` | ${cell(meaning)} | ${cell(defaultOf(option))} |`;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;

function optionTables(command: Command): string[] {
  const options = command.options.filter(({ hidden }) => !hidden);
  const groups = new Map<string, Option[]>();
  for (const option of options) {
    const title = option.helpGroupHeading ?? 'Options:';
    groups.set(title, [...(groups.get(title) ?? []), option]);
  }
  return [...groups].flatMap(([title, members]) => [
    `**${title.replace(/:$/, '')}**`,
    '',
    '| option | meaning | default |',
    '|---|---|---|',
    ...members.map(optionRow),
    '',
  ]);
}

function synopsis(command: Command, name: string): string {
  const words = command.registeredArguments.map((one: Argument) => {
    const word = `${one.name()}${one.variadic ? '...' : ''}`;
    return one.required ? `<${word}>` : `[${word}]`;
  });
  return [name, ...words, '[options]'].join(' ');
}

function subcommand(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`;
  const argumentLines = command.registeredArguments.map((one: Argument) => `- \`${one.name()}\`: ${one.description}`);
  return [
    `### ${command.name()}`,
    '',
    '```text',
    synopsis(command, name),
    '```',
    '',
    sentence(command.description()),
    '',
    ...(argumentLines.length === 0 ? [] : [...argumentLines, '']),
    ...optionTables(command),
    ...command.commands.flatMap((one) => subcommand(one, name)),
  ];
}

/** What `--help` has after the options, as blocks of code under its headings. */
function epilogue(command: Command): string[] {
  const help: string[] = [];
  command.configureOutput({ writeOut: (text) => help.push(text) }).outputHelp();
  const text = help.join('');
  const start = text.indexOf('\nPrograms:');
  const end = text.indexOf('\nExit codes:');
  const sections = text
    .slice(start, end)
    .trim()
    .split(/\n\n(?=\S)/);
  return sections.flatMap((section) => {
    const [first = '', ...lines] = section.split('\n');
    const [title = '', more = ''] = first.replace(/:$/, '').split(/: (.*)/s);
    return [`## ${title}`, '', ...(more === '' ? [] : [sentence(more), '']), '```text', ...lines, '```', ''];
  });
}

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  OK: 'everything was done, or a signal ended it',
  FAIL: 'something went wrong: an input that breaks off, a CPU that died, a file that cannot be written',
  OPTION: 'an option, or options that do not go together',
  XDP: 'the interface, or attaching to it',
  BPF: 'a program or a map: what the verifier or bpf(2) refused',
  MEMORY: 'no memory',
};

export function commandReference(): string {
  const root = describeCommand();
  const name = root.name();
  return [
    '<!-- made by `npm run docs` from the options themselves: change those -->',
    '',
    `# ${name}(1)`,
    '',
    '## NAME',
    '',
    `${name} – ${root
      .description()
      .replace(/\.$/, '')
      .replace(/^./, (letter) => letter.toLowerCase())}`,
    '',
    '## SYNOPSIS',
    '',
    '```text',
    ...root
      .usage()
      .split('\n')
      .map((line, index) => (index === 0 ? `${name} ${line}` : line.trim())),
    '```',
    '',
    '## OPTIONS',
    '',
    ...optionTables(root),
    '## COMMANDS',
    '',
    ...root.commands.flatMap((one) => subcommand(one, name)),
    ...epilogue(root),
    '## EXIT STATUS',
    '',
    '| code | meaning |',
    '|---|---|',
    ...Object.entries(EXIT).map(([key, code]) => `| ${code} | ${EXIT_MEANINGS[key as keyof typeof EXIT]} |`),
    '',
    '## SIGNALS',
    '',
    'SIGINT and SIGTERM end a run with its summary; a second one ends it at once, with code 130.',
    '',
    '## ENVIRONMENT',
    '',
    '`NO_COLOR`: if it is set and not empty, nothing is coloured.',
    '',
  ].join('\n');
}
