// The six images with boxes, map and ways projected onto them.
import { cssValue, el, fitCanvas, onResize } from './dom';
import type { Layers } from './layers';
import { lineColour } from './occupancy/palette';
import { projectPolygon, projectSegment, ribbon } from './projection';
import type { Shown, Store } from './store';
import type { Box, Calibration, MapLine, Point2, Point3 } from './types';
import { waysOf } from './ways';

// As a driver looks round: ahead above, behind below, left to the left.
const order = [
  'CAM_FRONT_LEFT',
  'CAM_FRONT',
  'CAM_FRONT_RIGHT',
  'CAM_BACK_LEFT',
  'CAM_BACK',
  'CAM_BACK_RIGHT',
];
const mapReach = 50; // Metres from the car within which lines are drawn.
const boxEdges = [
  [0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7],
]; // prettier-ignore

interface View {
  name: string;
  figure: HTMLElement;
  canvas: HTMLCanvasElement;
  image: ImageBitmap | null;
  problem: string;
}

export class Cameras {
  readonly element: HTMLElement;
  private readonly views: View[];
  private shown: Shown | null = null;
  private enlarged: string | null = null;

  constructor(
    private readonly store: Store,
    private readonly layers: Layers,
  ) {
    this.views = order.map((name) => this.makeView(name));
    this.element = el(
      'section',
      { className: 'cameras', aria: { label: 'Camera images' } },
      ...this.views.map((view) => view.figure),
    );
    store.shown.listen((shown) => void this.show(shown));
    layers.listen(() => this.drawAll());
    onResize(this.element, () => this.drawAll());
  }

  drawAll(): void {
    for (const view of this.views) this.draw(view);
  }

  private makeView(name: string): View {
    const title = titleOf(name);
    const canvas = el('canvas', { role: 'img', aria: { label: `${title} camera` } });
    const button = el(
      'button',
      {
        type: 'button',
        className: 'camera-button',
        title: 'Enlarge or shrink',
        aria: { label: `Enlarge the ${title.toLowerCase()} camera`, pressed: 'false' },
        on: { click: () => this.enlarge(this.enlarged === name ? null : name) },
      },
      canvas,
    );
    const figure = el('figure', { className: 'camera' }, button, el('figcaption', {}, title));
    return { name, figure, canvas, image: null, problem: '' };
  }

  private enlarge(name: string | null): void {
    this.enlarged = name;
    this.element.classList.toggle('one', name !== null);
    for (const view of this.views) {
      view.figure.classList.toggle('large', view.name === name);
      view.figure
        .querySelector('button')
        ?.setAttribute('aria-pressed', String(view.name === name));
    }
    this.drawAll();
  }

  private async show(shown: Shown): Promise<void> {
    this.shown = shown;
    const token = shown.frame.token;
    const images = await Promise.all(
      this.views.map((view) => {
        const camera = shown.frame.cameras.find((one) => one.name === view.name);
        if (!camera?.image) return Promise.resolve(null);
        return this.store.image(token, view.name).catch(() => null);
      }),
    );
    if (this.shown?.frame.token !== token) return;
    // All six change at once.
    this.views.forEach((view, index) => {
      view.image = images[index];
      view.problem = images[index] ? '' : 'no image';
      this.draw(view);
    });
  }

  private draw(view: View): void {
    const { context, width, height } = fitCanvas(view.canvas);
    context.fillStyle = cssValue('--well');
    context.fillRect(0, 0, width, height);
    const camera = this.shown?.frame.cameras.find((one) => one.name === view.name);
    if (!this.shown || !camera) return;
    if (view.problem) {
      context.fillStyle = cssValue('--muted');
      context.font = '13px system-ui, sans-serif';
      context.textAlign = 'center';
      context.fillText(view.problem, width / 2, height / 2);
      return;
    }
    if (!view.image) return;
    const imageWidth = camera.calibration?.width ?? view.image.width;
    const imageHeight = camera.calibration?.height ?? view.image.height;
    const scale = Math.min(width / imageWidth, height / imageHeight);
    context.save();
    context.translate((width - imageWidth * scale) / 2, (height - imageHeight * scale) / 2);
    context.beginPath();
    context.rect(0, 0, imageWidth * scale, imageHeight * scale);
    context.clip();
    context.imageSmoothingQuality = 'high';
    context.drawImage(view.image, 0, 0, imageWidth * scale, imageHeight * scale);
    if (camera.calibration) this.overlay(context, camera.calibration, scale);
    context.restore();
  }

  private overlay(
    context: CanvasRenderingContext2D,
    calibration: Calibration,
    scale: number,
  ): void {
    if (!this.shown) return;
    const pen = new Pen(context, calibration, scale);
    const frame = this.shown.frame;
    context.lineJoin = context.lineCap = 'round';
    if (this.layers.has('map')) {
      for (const area of frame.map.areas)
        if (area.layer === 'ped_crossing' || area.layer === 'stop_line')
          for (const ring of area.rings_E) pen.line([...ring, ring[0]], areaColour(area.layer), 1);
      for (const line of frame.map.lines) pen.line(line.points_E, mapColour(line.kind), 1);
    }
    for (const way of waysOf(this.shown)) {
      if (!this.layers.has(way.who === 'truth' ? 'truth' : 'plan')) continue;
      pen.ribbon(ribbon(way.way, way.who === 'truth' ? 0.9 : 0.45), way.colour);
    }
    if (this.layers.has('boxes')) {
      const near = [...frame.boxes].sort((a, b) => distance(b) - distance(a));
      for (const box of near) pen.box(box);
    }
  }
}

class Pen {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly calibration: Calibration,
    private readonly scale: number,
  ) {}

  line(points_E: Point3[], colour: string, width: number): void {
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.beginPath();
    for (let index = 1; index < points_E.length; ++index) {
      const [a, b] = [points_E[index - 1], points_E[index]];
      if (Math.hypot(a[0], a[1]) > mapReach || Math.hypot(b[0], b[1]) > mapReach) continue;
      const segment = projectSegment(this.calibration, a, b);
      if (segment) this.segment(segment);
    }
    this.context.stroke();
  }

  ribbon(pieces: { corners_E: Point3[]; time: number }[], colour: string): void {
    for (const piece of pieces) {
      const corners = projectPolygon(this.calibration, piece.corners_E);
      if (corners.length === 0) continue;
      this.context.globalAlpha = 0.72 - 0.12 * piece.time;
      this.context.fillStyle = colour;
      this.polygon(corners);
      this.context.fill();
    }
    this.context.globalAlpha = 1;
  }

  box(box: Box): void {
    const colour = lineColour(box.class);
    const faint = box.lidar_points + box.radar_points === 0;
    const context = this.context;
    context.globalAlpha = faint ? 0.45 : 1;
    context.strokeStyle = colour;
    context.lineWidth = faint ? 1 : 1.4;
    const front = projectPolygon(this.calibration, box.corners_E.slice(0, 4));
    if (front.length > 2) {
      context.fillStyle = colour;
      context.globalAlpha *= 0.22;
      this.polygon(front);
      context.fill();
      context.globalAlpha = faint ? 0.45 : 1;
    }
    context.beginPath();
    for (const [from, to] of boxEdges) {
      const segment = projectSegment(this.calibration, box.corners_E[from], box.corners_E[to]);
      if (segment) this.segment(segment);
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  private segment([from, to]: [Point2, Point2]): void {
    // What lies far outside would only cost time.
    const far = 4000;
    if (Math.abs(from[0]) > far || Math.abs(to[0]) > far) return;
    if (Math.abs(from[1]) > far || Math.abs(to[1]) > far) return;
    this.context.moveTo(from[0] * this.scale, from[1] * this.scale);
    this.context.lineTo(to[0] * this.scale, to[1] * this.scale);
  }

  private polygon(corners: Point2[]): void {
    this.context.beginPath();
    corners.forEach(([u, v], index) => {
      if (index === 0) this.context.moveTo(u * this.scale, v * this.scale);
      else this.context.lineTo(u * this.scale, v * this.scale);
    });
    this.context.closePath();
  }
}

function distance(box: Box): number {
  return Math.hypot(box.centre_E[0], box.centre_E[1]);
}

export function titleOf(camera: string): string {
  const words = camera.replace('CAM_', '').toLowerCase().replace('_', ' ');
  return words[0].toUpperCase() + words.slice(1);
}

export function mapColour(kind: MapLine['kind']): string {
  return { lane_divider: '#d8dee6', road_divider: '#f2c14e', centreline: '#7ea6c9' }[kind];
}

export function areaColour(layer: string): string {
  return layer === 'stop_line' ? '#ff7d7d' : '#c9b8ff';
}
