#include "occvla/world/render/mesh.h"

namespace occvla::world {

void Append(Mesh& mesh, const Mesh& part) {
  const auto first_vertex = static_cast<uint32_t>(mesh.vertices.size());
  const auto first_material = static_cast<uint16_t>(mesh.palette.size());
  mesh.vertices.insert(mesh.vertices.end(), part.vertices.begin(), part.vertices.end());
  for (const auto& triangle : part.triangles)
    mesh.triangles.push_back(
        {triangle[0] + first_vertex, triangle[1] + first_vertex, triangle[2] + first_vertex});
  mesh.categories.insert(mesh.categories.end(), part.categories.begin(), part.categories.end());
  for (const uint16_t material : part.materials)
    mesh.materials.push_back(static_cast<uint16_t>(material + first_material));
  mesh.props.insert(mesh.props.end(), part.props.begin(), part.props.end());
  mesh.palette.insert(mesh.palette.end(), part.palette.begin(), part.palette.end());
}

Extent ExtentOf(const Mesh& mesh) {
  Extent extent;
  for (const auto& triangle : mesh.triangles) {
    for (const uint32_t corner : triangle) {
      extent.low = extent.low.cwiseMin(mesh.vertices[corner]);
      extent.high = extent.high.cwiseMax(mesh.vertices[corner]);
    }
  }
  return extent;
}

}  // namespace occvla::world
