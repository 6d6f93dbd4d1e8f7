// Draws up to three surfaces beside each other in one canvas, with one camera for all.
import {
  BoxGeometry,
  BufferAttribute,
  BufferGeometry,
  Color,
  DoubleSide,
  Group,
  Mesh,
  MeshBasicMaterial,
  PerspectiveCamera,
  Scene,
  Vector3,
  WebGLRenderer,
} from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
import { ribbon } from '../projection';
import type { WayPoint } from '../types';
import { surfaceMaterial, surfaceMesh } from './surface';

export interface Way {
  way: WayPoint[];
  colour: string;
}

export interface Surface {
  vertices: Uint8Array;
  quads: number;
}

export type View = 'behind' | 'above' | 'front';

const eyes: Record<View, [number, number, number]> = {
  behind: [-34, 0, 24],
  above: [-0.5, 0, 92],
  front: [44, 14, 22],
};
const targets: Record<View, [number, number, number]> = {
  behind: [6, 0, 0],
  above: [0, 0, 0],
  front: [4, 0, 0],
};
// nuScenes' car around E's origin, which is at its rear axle.
const car = { length: 4.084, width: 1.73, height: 1.56, ahead: 1.485793 };
const fieldOfView_deg = 50;
const slowFrame_ms = 42;

export class Stage {
  /** Called after each drawn frame with frames per second while it moves, else with null. */
  onDrawn: (framesPerSecond: number | null) => void = () => {};

  private readonly renderer: WebGLRenderer;
  private readonly gl: WebGL2RenderingContext;
  private underWay: WebGLSync | null = null;
  private readonly camera = new PerspectiveCamera(fieldOfView_deg, 1, 0.5, 400);
  private readonly controls: OrbitControls;
  private readonly material = surfaceMaterial();
  private readonly panes: { scene: Scene; mesh: Mesh | null; ways: Group }[] = [];
  private dirty = true;
  private scale = 1;
  private turning = false;
  private movedAt = 0;
  private readonly times: number[] = [];
  private size: [number, number] = [1, 1];

  constructor(readonly canvas: HTMLCanvasElement) {
    this.renderer = new WebGLRenderer({
      canvas,
      antialias: !drawnBySoftware(),
      powerPreference: 'high-performance',
    });
    this.gl = this.renderer.getContext() as WebGL2RenderingContext;
    this.renderer.setScissorTest(true);
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = false;
    this.controls.maxDistance = 160;
    this.controls.minDistance = 4;
    this.controls.maxPolarAngle = Math.PI * 0.495;
    this.controls.addEventListener('change', () => {
      this.movedAt = performance.now();
      this.dirty = true;
    });
    this.look('behind');
    const loop = (now: number): void => {
      this.tick(now);
      requestAnimationFrame(loop);
    };
    requestAnimationFrame(loop);
  }

  get paneCount(): number {
    return this.panes.length;
  }

  setPanes(count: number): void {
    while (this.panes.length > count) this.drop(this.panes.pop()!);
    while (this.panes.length < count) {
      const scene = new Scene();
      const ways = new Group();
      scene.add(ways, carMesh());
      this.panes.push({ scene, mesh: null, ways });
    }
    this.resize();
  }

  setBackground(colour: string): void {
    this.renderer.setClearColor(new Color().setStyle(colour), 1);
    this.dirty = true;
  }

  setSurface(index: number, surface: Surface | null): void {
    const pane = this.panes[index];
    if (!pane) return;
    if (pane.mesh) {
      pane.scene.remove(pane.mesh);
      pane.mesh.geometry.dispose();
      pane.mesh = null;
    }
    if (surface && surface.quads > 0) {
      pane.mesh = surfaceMesh(surface.vertices, surface.quads, this.material);
      pane.scene.add(pane.mesh);
    }
    this.dirty = true;
  }

  setWays(index: number, ways: Way[]): void {
    const group = this.panes[index]?.ways;
    if (!group) return;
    for (const child of [...group.children]) {
      group.remove(child);
      const mesh = child as Mesh;
      mesh.geometry.dispose();
      (mesh.material as MeshBasicMaterial).dispose();
    }
    ways.forEach((way, order) => {
      const mesh = wayMesh(way, 0.45 + 0.06 * order);
      if (mesh) group.add(mesh);
    });
    this.dirty = true;
  }

  look(view: View): void {
    this.camera.position.set(...eyes[view]);
    this.controls.target.set(...targets[view]);
    this.controls.update();
    this.dirty = true;
  }

  /** Turns about the target by so many radians, and moves nearer (above 1) or away. */
  move(turn: number, raise: number, nearer: number): void {
    const offset = this.camera.position.clone().sub(this.controls.target);
    offset.applyAxisAngle(new Vector3(0, 0, 1), turn);
    const side = new Vector3(-offset.y, offset.x, 0).normalize();
    offset.applyAxisAngle(side, -raise).divideScalar(nearer);
    this.camera.position.copy(this.controls.target).add(offset);
    this.controls.update();
    this.movedAt = performance.now();
    this.dirty = true;
  }

  setTurning(on: boolean): void {
    this.turning = on;
    this.times.length = 0;
    this.dirty = true;
  }

  resize(): void {
    const width = Math.max(1, this.canvas.clientWidth);
    const height = Math.max(1, this.canvas.clientHeight);
    this.size = [width, height];
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2) * this.scale);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / Math.max(1, this.panes.length) / height;
    // A narrow pane shows as much from side to side as a square one.
    const half = Math.tan((fieldOfView_deg * Math.PI) / 360) / Math.min(1, this.camera.aspect);
    this.camera.fov = (360 / Math.PI) * Math.atan(half);
    this.camera.updateProjectionMatrix();
    this.dirty = true;
  }

  private tick(now: number): void {
    if (this.turning) this.move(0.004, 0, 1);
    const moving = this.turning || now - this.movedAt < 250;
    if (!moving && this.scale < 1) {
      this.scale = 1; // At rest the picture is sharp again.
      this.resize();
    }
    if (!moving && this.times.length > 0) {
      this.times.length = 0;
      this.onDrawn(null);
    }
    if (!this.dirty || this.isDrawing()) return;
    this.dirty = false;
    this.draw();
    this.underWay = this.gl.fenceSync(this.gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    this.gl.flush();
    if (moving) this.measure(now);
  }

  // Whether the last frame is not finished yet. Frames given to a slow renderer would pile up, and
  // the picture would follow the hand seconds later.
  private isDrawing(): boolean {
    if (!this.underWay) return false;
    if (this.gl.getSyncParameter(this.underWay, this.gl.SYNC_STATUS) !== this.gl.SIGNALED)
      return true;
    this.gl.deleteSync(this.underWay);
    this.underWay = null;
    return false;
  }

  private draw(): void {
    const [width, height] = this.size;
    const share = width / Math.max(1, this.panes.length);
    this.panes.forEach((pane, index) => {
      this.renderer.setViewport(index * share, 0, share, height);
      this.renderer.setScissor(index * share, 0, share, height);
      this.renderer.render(pane.scene, this.camera);
    });
  }

  // Frames that come too slowly, as they do without a graphics card, are drawn in fewer pixels.
  private measure(now: number): void {
    this.times.push(now);
    if (this.times.length > 21) this.times.shift();
    if (this.times.length < 6) return;
    const frame = (now - this.times[0]) / (this.times.length - 1);
    this.onDrawn(1000 / frame);
    if (frame > slowFrame_ms && this.scale > 0.5 && this.times.length >= 12) {
      this.scale = Math.max(0.5, this.scale * 0.8);
      this.times.length = 0;
      this.resize();
    }
  }

  private drop(pane: { mesh: Mesh | null }): void {
    pane.mesh?.geometry.dispose();
    this.dirty = true;
  }
}

// Without a graphics card four samples a pixel cost more than they give.
function drawnBySoftware(): boolean {
  const gl = document.createElement('canvas').getContext('webgl2');
  const names = gl?.getExtension('WEBGL_debug_renderer_info');
  if (!gl || !names) return false;
  const name = String(gl.getParameter(names.UNMASKED_RENDERER_WEBGL));
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return /swiftshader|llvmpipe|software/i.test(name);
}

function carMesh(): Group {
  const group = new Group();
  const body = new Mesh(
    new BoxGeometry(car.length, car.width, car.height * 0.62),
    new MeshBasicMaterial({ color: '#e8edf2' }),
  );
  body.position.set(car.ahead, 0, 0.3 + car.height * 0.31);
  const cabin = new Mesh(
    new BoxGeometry(car.length * 0.5, car.width * 0.86, car.height * 0.38),
    new MeshBasicMaterial({ color: '#5b6875' }),
  );
  cabin.position.set(car.ahead - 0.25, 0, 0.3 + car.height * 0.81);
  group.add(body, cabin);
  return group;
}

function wayMesh({ way, colour }: Way, lift: number): Mesh | null {
  const pieces = ribbon(way, 0.35, lift);
  if (pieces.length === 0) return null;
  const points = new Float32Array(pieces.length * 18);
  pieces.forEach((piece, index) => {
    [0, 1, 2, 0, 2, 3].forEach((corner, at) =>
      points.set(piece.corners_E[corner], index * 18 + at * 3),
    );
  });
  const geometry = new BufferGeometry();
  geometry.setAttribute('position', new BufferAttribute(points, 3));
  return new Mesh(geometry, new MeshBasicMaterial({ color: colour, side: DoubleSide }));
}
