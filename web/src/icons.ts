// Signs that no font is needed for.
const paths = {
  play: 'M5 3.5v9l8-4.5z',
  pause: 'M4.5 3.5h2.4v9H4.5zM9.1 3.5h2.4v9H9.1z',
  previous: 'M4 3.5h1.8v9H4zM12 3.5v9L6.4 8z',
  next: 'M10.2 3.5H12v9h-1.8zM4 3.5v9L9.6 8z',
  turn: 'M8 2.5a5.5 5.5 0 1 0 5.3 7l-1.5-.4A4 4 0 1 1 8 4v2.2l3.6-3L8 .3z',
  light: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM7.3 1h1.4v2.2H7.3zM7.3 12.8h1.4V15H7.3zM1 7.3h2.2v1.4H1zM12.8 7.3H15v1.4h-2.2zM2.6 3.6l1-1 1.6 1.6-1 1zM10.8 11.8l1-1 1.6 1.6-1 1zM11.8 5.2l-1-1 1.6-1.6 1 1zM3.6 13.4l-1-1 1.6-1.6 1 1z',
  dark: 'M6.2 2a6.2 6.2 0 1 0 7.8 7.8A5.2 5.2 0 0 1 6.2 2z',
  system: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM8 3.3v9.4a4.7 4.7 0 0 1 0-9.4z',
} as const;

export type Icon = keyof typeof paths;

/** A sign in the colour of the text around it; its button says in words what it does. */
export function icon(name: Icon): SVGSVGElement {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', paths[name]);
  path.setAttribute('fill', 'currentColor');
  path.setAttribute('fill-rule', 'evenodd');
  svg.append(path);
  return svg;
}
