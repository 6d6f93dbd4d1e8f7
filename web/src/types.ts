// What the server sends (docs/VIEWER.md). A name that ends in _E is in the ego frame of the key frame:
// x forward, y left, z up, metres.

export type Point2 = [number, number];
export type Point3 = [number, number, number];

export interface Overview {
  datasets: Dataset[];
  runs: RunInfo[];
}

export interface Dataset {
  name: string;
  version: string;
  scenes: Scene[];
}

export interface Scene {
  token: string;
  name: string;
  description: string;
  location: string;
  frames: string[];
}

export interface RunInfo {
  name: string;
  frames: number;
  occupancy: number;
}

export interface Pose {
  rotation: number[]; // Row-major, 3 x 3.
  translation: Point3;
}

export interface Calibration {
  width: number;
  height: number;
  intrinsic: number[]; // Row-major, 3 x 3; of an image of width x height.
  camera_in_ego: Pose;
}

export interface Camera {
  name: string;
  image: boolean;
  timestamp_us: number;
  calibration: Calibration | null;
}

export interface Box {
  token: string;
  instance: string;
  category: string;
  class: number; // Of the occupancy.
  corners_E: Point3[]; // 0-3 the front face, 4-7 the rear; 2, 3, 7, 6 are the bottom.
  size: Point3;
  centre_E: Point3;
  velocity_E: Point2 | null;
  attributes: string[];
  visibility: number;
  lidar_points: number;
  radar_points: number;
}

export interface MapArea {
  layer: string;
  rings_E: Point3[][];
}

export interface MapLine {
  kind: 'lane_divider' | 'road_divider' | 'centreline';
  points_E: Point3[];
}

export interface FrameMap {
  known: boolean;
  areas: MapArea[];
  lines: MapLine[];
}

/** x, y, z in E and the time in seconds from now. */
export type WayPoint = [number, number, number, number];

export interface Evidence {
  label: string;
  confidence: number;
  velocity_confidence: number;
  direction_confidence: number;
  rule: string;
  fallback: string | null;
  speeds: number[];
  acceleration: number;
  yaw_change_deg: number;
  end_E: Point2;
  lane_shift: number | null;
  connector: string | null;
  lanes: (string | null)[];
  provenance: string;
}

export interface ChainOfThought {
  past: string[];
  scene: string;
  intent: string;
  meta_action: string;
  maker: string;
}

export interface Question {
  question: string;
  answer: string;
  kind: string;
}

export interface Frame {
  token: string;
  scene: string;
  location: string;
  timestamp_us: number;
  utc: string;
  ego_in_global: Pose | null;
  velocity_E: Point2 | null;
  cameras: Camera[];
  boxes: Box[];
  map: FrameMap;
  way: { past: WayPoint[]; future: WayPoint[] };
  trajectory: (Point2 | null)[];
  meta_action: string | null;
  questions: Question[];
  occupancy: boolean;
  place: {
    index: number;
    count: number;
    previous: string | null;
    next: string | null;
    description: string;
  };
  evidence: Evidence | null;
  chain_of_thought: ChainOfThought | null;
  runs: { name: string; occupancy: boolean }[];
}

export interface Timings {
  image_ms: number;
  vision_ms: number;
  prefill_ms: number;
  prompt_ms: number;
  decode_ms: number;
  occupancy_ms: number;
  planner_ms: number;
  total_ms: number;
  prompt_tokens: number;
  new_tokens: number;
  frame_cached: boolean;
}

export interface Prediction {
  token: string;
  meta_action: string | null;
  trajectory: Point2[] | null;
  text: string;
  timings: Timings | null;
  flags: string[];
  answers: string[];
  occupancy: boolean;
}

export interface FrameMeasure {
  token: string;
  scene: string;
  l2: (number | null)[] | null; // At 0.5 s to 3 s.
  collision: boolean | null;
  off_road: boolean | null;
  velocity_right: boolean | null;
  direction_right: boolean | null;
}

export interface Metrics {
  run: string;
  reports: Record<string, unknown>;
  frames: FrameMeasure[];
}

export interface Difference {
  token: string;
  scene: string;
  difference: number | null;
  plan_m: number | null;
  action_differs: boolean;
  text: number;
  voxels: number | null;
}

export interface Comparison {
  a: string;
  b: string;
  by: string;
  frames: Difference[];
}
