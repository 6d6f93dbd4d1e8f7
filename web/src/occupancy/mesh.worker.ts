// Makes surfaces aside, so that the page stays responsive.
import { meshGrid, type MeshOptions } from './mesher';

export interface MeshRequest {
  id: number;
  grid: Uint8Array;
  options: MeshOptions;
}

export interface MeshReply {
  id: number;
  vertices: Uint8Array;
  quads: number;
}

self.onmessage = (event: MessageEvent<MeshRequest>) => {
  const { id, grid, options } = event.data;
  const mesh = meshGrid(grid, options);
  const reply: MeshReply = { id, ...mesh };
  self.postMessage(reply, { transfer: [mesh.vertices.buffer] });
};
