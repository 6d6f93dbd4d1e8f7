#include "occvla/world/render/scene.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "occvla/world/render/prop_mesh.h"

namespace occvla::world {
namespace {

using Eigen::Vector2d, Eigen::Vector3d, Eigen::Vector3f;

constexpr double kPropMargin = 100;

std::vector<Prop> PropsNear(std::span<const Prop> props, const Region& region) {
  std::vector<Prop> near;
  for (const Prop& prop : props) {
    const Vector2d p = prop.p_G.head<2>(), margin = Vector2d::Constant(kPropMargin);
    if (((p - region.low_G + margin).array() >= 0).all() &&
        ((region.high_G + margin - p).array() >= 0).all())
      near.push_back(prop);
  }
  return near;
}

Vector3d MiddleOf(const Town& town, const Region& region) {
  const Vector2d middle = ((region.low_G + region.high_G) / 2).array().round();
  return {middle.x(), middle.y(), std::round(town.ground.Height(middle.x(), middle.y()))};
}

}  // namespace

Region RegionAround(const Drive& drive, double margin) {
  if (drive.ego.empty()) return {};
  Region region{Vector2d::Constant(1e30), Vector2d::Constant(-1e30)};
  for (const EgoState& ego : drive.ego) {
    const Vector2d p_G = ego.X_GE.translation().head<2>();
    region.low_G = region.low_G.cwiseMin(p_G);
    region.high_G = region.high_G.cwiseMax(p_G);
  }
  region.low_G -= Vector2d::Constant(margin);
  region.high_G += Vector2d::Constant(margin);
  return region;
}

Mesh StaticMesh(const GroundMap& ground, std::span<const Prop> props, const Vector3d& origin_G) {
  Mesh mesh = ground.MakeMesh(origin_G);
  for (size_t i = 0; i < props.size(); ++i) {
    Mesh part = PropMesh(props[i], origin_G);
    std::fill(part.props.begin(), part.props.end(), static_cast<int32_t>(i));
    Append(mesh, part);
  }
  return mesh;
}

/// One figure of an actor.
struct Scene::Shape {
  Figure figure;
  Mesh mesh;
  RayMesh rays;
  uint16_t first_material = 0;
};

Scene::Scene(const Town& town, std::span<const Prop> props, const Drive& drive,
             const Region& region)
    : town_(town),
      drive_(drive),
      props_(PropsNear(props, region)),
      origin_G_(MiddleOf(town, region)),
      ground_(town, region),
      static_mesh_(StaticMesh(ground_, props_, origin_G_)),
      paint_(town, origin_G_.head<2>(), (region.high_G - region.low_G) / 2),
      materials_(static_mesh_.palette),
      static_rays_(std::make_unique<RayMesh>(device_, static_mesh_)),
      shapes_(drive.actors.size()) {
  facets_.reserve(static_mesh_.triangles.size());
  for (size_t i = 0; i < static_mesh_.triangles.size(); ++i)
    facets_.push_back(
        {static_mesh_.props[i], static_mesh_.materials[i], static_mesh_.categories[i]});
  for (size_t actor = 0; actor < drive.actors.size(); ++actor) {
    // Every figure that the drive shows: a moment between two steps has the state of one of them,
    // or, walking, any pose.
    std::vector<Figure> figures;
    const auto note = [&](const Figure& figure) {
      if (std::find(figures.begin(), figures.end(), figure) == figures.end())
        figures.push_back(figure);
    };
    for (const auto& step : drive.states) {
      if (actor >= step.size() || !step[actor]) continue;
      note(FigureOf(drive.actors[actor], *step[actor]));
    }
    if (std::any_of(figures.begin(), figures.end(), [](const Figure& f) { return f.pose != 0; })) {
      for (uint8_t pose = 0; pose < kWalkPoses; ++pose)
        note({.rider = figures[0].rider, .sitting = false, .pose = pose});
    }
    for (const Figure& figure : figures) {
      Mesh mesh = ActorMesh(drive.actors[actor], figure);
      RayMesh rays(device_, mesh);
      const auto first = static_cast<uint16_t>(materials_.size());
      materials_.insert(materials_.end(), mesh.palette.begin(), mesh.palette.end());
      shapes_[actor].push_back({figure, std::move(mesh), std::move(rays), first});
    }
  }
}

Scene::~Scene() = default;

const Scene::Shape& Scene::ShapeOf(size_t actor, const ActorState& state) const {
  const Figure figure = FigureOf(drive_.actors[actor], state);
  for (const Shape& shape : shapes_[actor])
    if (shape.figure == figure) return shape;
  return shapes_[actor].front();
}

const Mesh& Scene::actor_mesh(size_t actor, const ActorState& state) const {
  return ShapeOf(actor, state).mesh;
}

Scene::Moment Scene::At(double time_s) const {
  std::vector<Moment::Present> present;
  std::vector<RayInstances::Placed> placed;
  for (size_t actor = 0; actor < drive_.actors.size(); ++actor) {
    if (shapes_[actor].empty()) continue;
    const auto state = ActorAt(drive_, actor, time_s);
    if (!state) continue;
    const Shape& shape = ShapeOf(actor, *state);
    geom::Pose X_RA = state->X_GA;
    X_RA.translation() -= origin_G_;
    present.push_back(
        {static_cast<int32_t>(actor), *state, X_RA, &shape.mesh, shape.first_material});
    placed.push_back({&shape.rays, X_RA});
  }
  return Moment(*this, time_s, std::move(present), RayInstances(device_, *static_rays_, placed));
}

Scene::Moment::Moment(const Scene& scene, double time_s, std::vector<Present> present,
                      RayInstances rays)
    : scene_(&scene), time_s_(time_s), present_(std::move(present)), rays_(std::move(rays)) {}

Hit Scene::Moment::HitOf(const RayPacket& packet, size_t ray) const {
  Hit hit;
  const int32_t instance = packet.instance[ray];
  if (instance == kNoHit) return hit;
  hit.distance = packet.distance[ray];
  hit.triangle = packet.triangle[ray];
  Vector3f normal(packet.normal_x[ray], packet.normal_y[ray], packet.normal_z[ray]);
  if (instance == kStaticHit) {
    const Facet& facet = scene_->facets_[hit.triangle];
    hit.category = facet.category;
    hit.material = facet.material;
    hit.prop = facet.prop;
  } else {
    const Present& who = present_[static_cast<size_t>(instance)];
    hit.actor = who.actor;
    hit.category = who.mesh->categories[hit.triangle];
    hit.material = static_cast<uint16_t>(who.first_material + who.mesh->materials[hit.triangle]);
    normal = who.X_RA.linear().cast<float>() * normal;
  }
  normal.normalize();
  const Vector3f direction(packet.direction_x[ray], packet.direction_y[ray],
                           packet.direction_z[ray]);
  hit.normal_G = normal.dot(direction) > 0 ? Vector3f(-normal) : normal;
  return hit;
}

std::vector<Hit> Scene::Moment::Cast(std::span<const Ray> rays) const {
  std::vector<Hit> hits;
  hits.reserve(rays.size());
  for (size_t first = 0; first < rays.size(); first += kPacket) {
    const size_t count = std::min<size_t>(kPacket, rays.size() - first);
    RayPacket packet;
    for (size_t i = 0; i < kPacket; ++i) {
      const Ray& ray = rays[first + std::min(i, count - 1)];
      const Vector3f origin_R = (ray.origin_G - scene_->origin_G_).cast<float>();
      packet.origin_x[i] = origin_R.x();
      packet.origin_y[i] = origin_R.y();
      packet.origin_z[i] = origin_R.z();
      packet.direction_x[i] = static_cast<float>(ray.direction_G.x());
      packet.direction_y[i] = static_cast<float>(ray.direction_G.y());
      packet.direction_z[i] = static_cast<float>(ray.direction_G.z());
      packet.distance[i] = static_cast<float>(ray.reach);
      packet.active[i] = i < count ? -1 : 0;
    }
    rays_.Intersect(packet);
    for (size_t i = 0; i < count; ++i) hits.push_back(HitOf(packet, i));
  }
  return hits;
}

}  // namespace occvla::world
