#include "occvla/world/render/ray_scene.h"

#if __has_include(<embree4/rtcore.h>)
#include <embree4/rtcore.h>
#else
#include <embree3/rtcore.h>
#endif

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "occvla/base/error.h"

namespace occvla::world {
namespace {

/// How a packet walks a scene's tree. As a bundle is faster, but Embree 3.13.5 then does not return
/// from some packets of shadow rays (seen with AVX-512, in a scene of instances). So only rays that
/// look for the nearest of plain triangles go as bundles, all sixteen of them active.
enum class Walk { kBundle, kEachRay };

#if RTC_VERSION_MAJOR >= 4
RTCRayQueryFlags FlagsOf(Walk walk) {
  return walk == Walk::kBundle ? RTC_RAY_QUERY_FLAG_COHERENT : RTC_RAY_QUERY_FLAG_INCOHERENT;
}
void CastNearest(const int* valid, RTCScene scene, RTCRayHit16& rays, Walk walk) {
  RTCIntersectArguments arguments;
  rtcInitIntersectArguments(&arguments);
  arguments.flags = FlagsOf(walk);
  rtcIntersect16(valid, scene, &rays, &arguments);
}
void CastAny(const int* valid, RTCScene scene, RTCRay16& rays) {
  RTCOccludedArguments arguments;
  rtcInitOccludedArguments(&arguments);
  arguments.flags = FlagsOf(Walk::kEachRay);
  rtcOccluded16(valid, scene, &rays, &arguments);
}
#else
RTCIntersectContext ContextOf(Walk walk) {
  RTCIntersectContext context;
  rtcInitIntersectContext(&context);
  context.flags = walk == Walk::kBundle ? RTC_INTERSECT_CONTEXT_FLAG_COHERENT
                                        : RTC_INTERSECT_CONTEXT_FLAG_INCOHERENT;
  return context;
}
void CastNearest(const int* valid, RTCScene scene, RTCRayHit16& rays, Walk walk) {
  RTCIntersectContext context = ContextOf(walk);
  rtcIntersect16(valid, scene, &context, &rays);
}
void CastAny(const int* valid, RTCScene scene, RTCRay16& rays) {
  RTCIntersectContext context = ContextOf(Walk::kEachRay);
  rtcOccluded16(valid, scene, &context, &rays);
}
#endif

bool AnyActive(const RayPacket& rays) {
  return std::any_of(rays.active.begin(), rays.active.end(), [](int32_t a) { return a != 0; });
}

RTCDevice DeviceOf(void* device) { return static_cast<RTCDevice>(device); }
RTCScene SceneOf(void* scene) { return static_cast<RTCScene>(scene); }

void Fill(const RayPacket& rays, RTCRay16& out) {
  constexpr size_t kBytes = sizeof(RayPacket::Floats);
  std::memcpy(out.org_x, rays.origin_x.data(), kBytes);
  std::memcpy(out.org_y, rays.origin_y.data(), kBytes);
  std::memcpy(out.org_z, rays.origin_z.data(), kBytes);
  std::memcpy(out.dir_x, rays.direction_x.data(), kBytes);
  std::memcpy(out.dir_y, rays.direction_y.data(), kBytes);
  std::memcpy(out.dir_z, rays.direction_z.data(), kBytes);
  std::memcpy(out.tfar, rays.distance.data(), kBytes);
  for (int i = 0; i < kPacket; ++i) {
    out.tnear[i] = 0;
    out.time[i] = 0;
    out.mask[i] = std::numeric_limits<unsigned>::max();
    out.id[i] = 0;
    out.flags[i] = 0;
  }
}

}  // namespace

RayDevice::RayDevice() : device_(rtcNewDevice("threads=1")) {
  if (!device_)
    throw DeviceError("Embree cannot be used on this machine (its error code is " +
                      std::to_string(rtcGetDeviceError(nullptr)) +
                      "); it needs SSE2 and memory for its tables.");
}

RayDevice::~RayDevice() { rtcReleaseDevice(DeviceOf(device_)); }

RayMesh::RayMesh(const RayDevice& device, const Mesh& mesh)
    : scene_(rtcNewScene(DeviceOf(device.device_))) {
  const RTCScene scene = SceneOf(scene_);
  rtcSetSceneFlags(scene, RTC_SCENE_FLAG_ROBUST);
  rtcSetSceneBuildQuality(scene, RTC_BUILD_QUALITY_HIGH);
  const RTCGeometry geometry = rtcNewGeometry(DeviceOf(device.device_), RTC_GEOMETRY_TYPE_TRIANGLE);
  if (!mesh.triangles.empty()) {
    void* vertices = rtcSetNewGeometryBuffer(geometry, RTC_BUFFER_TYPE_VERTEX, 0, RTC_FORMAT_FLOAT3,
                                             sizeof(Eigen::Vector3f), mesh.vertices.size());
    void* triangles = rtcSetNewGeometryBuffer(geometry, RTC_BUFFER_TYPE_INDEX, 0, RTC_FORMAT_UINT3,
                                              3 * sizeof(uint32_t), mesh.triangles.size());
    if (!vertices || !triangles)
      throw DeviceError("There is no memory for a mesh of " +
                        std::to_string(mesh.triangles.size()) + " triangles.");
    std::memcpy(vertices, mesh.vertices.data(), mesh.vertices.size() * sizeof(Eigen::Vector3f));
    std::memcpy(triangles, mesh.triangles.data(), mesh.triangles.size() * 3 * sizeof(uint32_t));
  }
  rtcCommitGeometry(geometry);
  rtcAttachGeometry(scene, geometry);
  rtcReleaseGeometry(geometry);
  rtcCommitScene(scene);
}

RayMesh::~RayMesh() {
  if (scene_) rtcReleaseScene(SceneOf(scene_));
}

RayMesh::RayMesh(RayMesh&& other) noexcept : scene_(std::exchange(other.scene_, nullptr)) {}

RayInstances::RayInstances(const RayDevice& device, const RayMesh& large,
                           std::span<const Placed> placed)
    : large_(large.scene_) {
  rtcRetainScene(SceneOf(large_));
  if (placed.empty()) return;
  const RTCScene scene = rtcNewScene(DeviceOf(device.device_));
  small_ = scene;
  rtcSetSceneFlags(scene, RTC_SCENE_FLAG_ROBUST);
  for (size_t i = 0; i < placed.size(); ++i) {
    const RTCGeometry instance =
        rtcNewGeometry(DeviceOf(device.device_), RTC_GEOMETRY_TYPE_INSTANCE);
    rtcSetGeometryInstancedScene(instance, SceneOf(placed[i].mesh->scene_));
    const Eigen::Matrix4f transform = placed[i].pose.matrix().cast<float>();
    rtcSetGeometryTransform(instance, 0, RTC_FORMAT_FLOAT4X4_COLUMN_MAJOR, transform.data());
    rtcCommitGeometry(instance);
    rtcAttachGeometryByID(scene, instance, static_cast<unsigned>(i));
    rtcReleaseGeometry(instance);
  }
  rtcCommitScene(scene);
}

RayInstances::~RayInstances() {
  if (small_) rtcReleaseScene(SceneOf(small_));
  if (large_) rtcReleaseScene(SceneOf(large_));
}

RayInstances::RayInstances(RayInstances&& other) noexcept
    : large_(std::exchange(other.large_, nullptr)), small_(std::exchange(other.small_, nullptr)) {}

void RayInstances::Intersect(RayPacket& rays) const {
  if (!AnyActive(rays)) {
    rays.instance.fill(kNoHit);
    return;
  }
  alignas(64) RTCRayHit16 cast;
  Fill(rays, cast.ray);
  for (int i = 0; i < kPacket; ++i) {
    cast.hit.geomID[i] = RTC_INVALID_GEOMETRY_ID;
    cast.hit.instID[0][i] = RTC_INVALID_GEOMETRY_ID;
  }
  const bool full =
      std::all_of(rays.active.begin(), rays.active.end(), [](int32_t a) { return a; });
  CastNearest(rays.active.data(), SceneOf(large_), cast, full ? Walk::kBundle : Walk::kEachRay);
  if (small_) CastNearest(rays.active.data(), SceneOf(small_), cast, Walk::kEachRay);
  constexpr size_t kBytes = sizeof(RayPacket::Floats);
  std::memcpy(rays.distance.data(), cast.ray.tfar, kBytes);
  std::memcpy(rays.normal_x.data(), cast.hit.Ng_x, kBytes);
  std::memcpy(rays.normal_y.data(), cast.hit.Ng_y, kBytes);
  std::memcpy(rays.normal_z.data(), cast.hit.Ng_z, kBytes);
  std::memcpy(rays.triangle.data(), cast.hit.primID, kBytes);
  for (size_t i = 0; i < kPacket; ++i) {
    const bool hit = cast.hit.geomID[i] != RTC_INVALID_GEOMETRY_ID && rays.active[i];
    const unsigned instance = cast.hit.instID[0][i];
    rays.instance[i] = !hit                                  ? kNoHit
                       : instance == RTC_INVALID_GEOMETRY_ID ? kStaticHit
                                                             : static_cast<int32_t>(instance);
  }
}

void RayInstances::Occlude(RayPacket& rays) const {
  if (!AnyActive(rays)) return;
  alignas(64) RTCRay16 cast;
  Fill(rays, cast);
  CastAny(rays.active.data(), SceneOf(large_), cast);
  const auto note = [&] {
    for (size_t i = 0; i < kPacket; ++i)
      if (cast.tfar[i] < 0) rays.active[i] = 0;  // Embree's mark: minus infinity.
  };
  note();
  if (!small_ || !AnyActive(rays)) return;
  CastAny(rays.active.data(), SceneOf(small_), cast);
  note();
}

}  // namespace occvla::world
