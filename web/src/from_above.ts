// What the viewer's and the review's scenes from above have in common. Points are in E; `to` maps them to the
// canvas.
import { areaColour, mapColour } from './cameras';
import { cssValue } from './dom';
import { lineColour } from './occupancy/palette';
import type { Box, FrameMap, WayPoint } from './types';

export type Placement = (x_E: number, y_E: number) => [number, number];

export class FromAbove {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly to: Placement,
  ) {}

  path(points_E: ArrayLike<number>[]): void {
    points_E.forEach((point, index) => {
      const [x, y] = this.to(point[0] as number, point[1] as number);
      if (index === 0) this.context.moveTo(x, y);
      else this.context.lineTo(x, y);
    });
  }

  line(points_E: ArrayLike<number>[]): void {
    this.context.beginPath();
    this.path(points_E);
    this.context.stroke();
  }

  dot(point_E: ArrayLike<number>, radius: number): void {
    const [x, y] = this.to(point_E[0] as number, point_E[1] as number);
    this.context.beginPath();
    this.context.arc(x, y, radius, 0, 2 * Math.PI);
    this.context.fill();
  }

  map({ areas, lines }: FrameMap): void {
    const { context } = this;
    const grounds: Record<string, string> = {
      drivable_area: cssValue('--road'),
      carpark_area: cssValue('--carpark'),
      walkway: cssValue('--walkway'),
    };
    for (const area of areas) {
      const ground = grounds[area.layer];
      context.fillStyle = ground ?? areaColour(area.layer);
      context.globalAlpha = ground ? 1 : 0.45;
      context.beginPath();
      for (const ring of area.rings_E) {
        this.path(ring);
        context.closePath();
      }
      context.fill('evenodd');
    }
    context.globalAlpha = 1;
    for (const line of lines) {
      const centre = line.kind === 'centreline';
      context.strokeStyle = centre ? cssValue('--centreline') : mapColour(line.kind);
      context.lineWidth = centre ? 0.8 : 1.2;
      context.setLineDash(centre ? [2, 4] : []);
      this.line(line.points_E);
    }
    context.setLineDash([]);
  }

  /** The ground of the box, and a line to where it will be in a second. */
  box(box: Box): void {
    const { context } = this;
    context.strokeStyle = context.fillStyle = lineColour(box.class);
    context.lineWidth = 1.3;
    context.beginPath();
    this.path([2, 3, 7, 6].map((corner) => box.corners_E[corner] as ArrayLike<number>));
    context.closePath();
    context.globalAlpha = 0.3;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
    const [vx, vy] = box.velocity_E ?? [0, 0];
    if (Math.hypot(vx, vy) < 0.3) return;
    const [x, y] = box.centre_E;
    this.line([
      [x, y],
      [x + vx, y + vy],
    ]);
  }

  /** A line with a dot each second; `named` writes the second beside it. */
  way(way: WayPoint[], colour: string, width: number, named = false): void {
    if (way.length < 2) return;
    const { context } = this;
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = width;
    this.line(way);
    context.font = '600 12px system-ui, sans-serif';
    context.textAlign = 'left';
    for (const second of [1, 2, 3]) {
      const at = way.find((point) => point[3] >= second - 0.05);
      if (!at) continue;
      this.dot(at, width + 1);
      const [x, y] = this.to(at[0], at[1]);
      if (named) context.fillText(`${second} s`, x + width + 5, y + 4);
    }
  }

  car(): void {
    const { context } = this;
    context.fillStyle = cssValue('--car');
    context.strokeStyle = cssValue('--well');
    context.lineWidth = 1;
    const [ahead, behind, side] = [3.53, -0.56, 0.865];
    context.beginPath();
    this.path([
      [ahead, 0],
      [ahead - 0.9, side],
      [behind, side],
      [behind, -side],
      [ahead - 0.9, -side],
    ]);
    context.closePath();
    context.fill();
    context.stroke();
  }
}
