// A surface of voxels as three.js draws it.
import {
  BufferAttribute,
  BufferGeometry,
  Color,
  GLSL3,
  InterleavedBuffer,
  InterleavedBufferAttribute,
  Mesh,
  RawShaderMaterial,
  Sphere,
  Vector3,
} from 'three';
import { origin_E, size, voxel } from './grid';
import { colours } from './palette';

const vertexShader = `
precision highp float;
uniform mat4 modelViewMatrix;
uniform mat4 projectionMatrix;
uniform vec3 palette[${colours.length}];
uniform float faceLight[6];
in vec3 position;
in vec3 look; // Label, face, shade 0 to 3.
out vec3 colour;
void main() {
  float light = faceLight[int(look.y)] * (0.52 + 0.16 * look.z);
  colour = palette[int(look.x)] * light;
  vec3 p_E = position * ${voxel.toFixed(1)} + vec3(${origin_E.map((v) => v.toFixed(1)).join(', ')});
  gl_Position = projectionMatrix * modelViewMatrix * vec4(p_E, 1.0);
}`;

const fragmentShader = `
precision mediump float;
in vec3 colour;
out vec4 result;
void main() { result = vec4(colour, 1.0); }`;

// Back, front, right, left, below, above: the sun stands high and left ahead.
const faceLight = [0.68, 0.86, 0.74, 0.92, 0.5, 1.06];

export function surfaceMaterial(): RawShaderMaterial {
  return new RawShaderMaterial({
    glslVersion: GLSL3,
    vertexShader,
    fragmentShader,
    uniforms: {
      palette: { value: colours.map((colour) => new Color().setStyle(colour, '')) },
      faceLight: { value: faceLight },
    },
  });
}

// Two triangles a quad; shared by all surfaces, as long as the longest yet.
let indices = new Uint32Array(0);

function indicesFor(quads: number): Uint32Array {
  if (indices.length < quads * 6) {
    indices = new Uint32Array(Math.ceil(quads * 1.5) * 6);
    for (let quad = 0, at = 0; at < indices.length; ++quad) {
      const first = quad * 4;
      for (const corner of [0, 1, 2, 0, 2, 3]) indices[at++] = first + corner;
    }
  }
  return indices.subarray(0, quads * 6);
}

const wholeGrid = new Sphere(new Vector3(0, 0, 2), (Math.hypot(size[0], size[1]) * voxel) / 2 + 4);

export function surfaceMesh(
  vertices: Uint8Array,
  quads: number,
  material: RawShaderMaterial,
): Mesh {
  const geometry = new BufferGeometry();
  const buffer = new InterleavedBuffer(vertices, 8);
  geometry.setAttribute('position', new InterleavedBufferAttribute(buffer, 3, 0));
  geometry.setAttribute('look', new InterleavedBufferAttribute(buffer, 3, 4));
  geometry.setIndex(new BufferAttribute(indicesFor(quads), 1));
  geometry.boundingSphere = wholeGrid;
  const mesh = new Mesh(geometry, material);
  mesh.matrixAutoUpdate = false;
  return mesh;
}
