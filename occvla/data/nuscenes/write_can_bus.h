#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// The CAN bus expansion (facts/data-and-metrics.md A.7): what the car's own instruments said
/// during one scene. Units and signs are the files' own, whatever the rest of the program uses.
namespace occvla::data::nuscenes {

/// 100 Hz: the inertial unit.
struct CanImu {
  int64_t utime = 0;
  std::array<double, 3> linear_accel{};   ///< m/s^2 in the unit's axes, gravity included.
  std::array<double, 4> q{};              ///< w, x, y, z.
  std::array<double, 3> rotation_rate{};  ///< rad/s.

  template <typename Visitor>
  void VisitFields(Visitor&& v) const {
    v("linear_accel", linear_accel);
    v("q", q);
    v("rotation_rate", rotation_rate);
  }
};

/// 50 Hz: localisation.
struct CanPose {
  int64_t utime = 0;
  std::array<double, 3> accel{};          ///< m/s^2 in E, without gravity.
  std::array<double, 4> orientation{};    ///< R_GE as w, x, y, z.
  std::array<double, 3> pos{};            ///< p_GE.
  std::array<double, 3> rotation_rate{};  ///< rad/s in E.
  std::array<double, 3> vel{};            ///< m/s in E.

  template <typename Visitor>
  void VisitFields(Visitor&& v) const {
    v("accel", accel);
    v("orientation", orientation);
    v("pos", pos);
    v("rotation_rate", rotation_rate);
    v("vel", vel);
  }
};

/// 100 Hz: the steering wheel.
struct CanSteerAngle {
  int64_t utime = 0;
  double value = 0;  ///< Radians at the wheel that the driver holds, + left.

  template <typename Visitor>
  void VisitFields(Visitor&& v) const {
    v("value", value);
  }
};

/// 2 Hz: what the dashboard knows.
struct CanVehicleMonitor {
  int64_t utime = 0;
  int64_t available_distance = 0;  ///< km.
  int64_t battery_level = 0;       ///< Per cent.
  int64_t brake = 0;               ///< 0 to 126.
  int64_t brake_switch = 1;        ///< 1 released, 2 pressed, 3 pressed for sure.
  int64_t gear_position = 7;       ///< 0 parked, 7 drive.
  int64_t left_signal = 0, right_signal = 0;
  double rear_left_rpm = 0, rear_right_rpm = 0;
  double steering = 0;        ///< Degrees at the steering wheel.
  double steering_speed = 0;  ///< Degrees a second.
  int64_t throttle = 0;       ///< 0 to 1000.
  double vehicle_speed = 0;   ///< km/h.
  double yaw_rate = 0;        ///< Degrees a second.

  template <typename Visitor>
  void VisitFields(Visitor&& v) const {
    v("available_distance", available_distance);
    v("battery_level", battery_level);
    v("brake", brake);
    v("brake_switch", brake_switch);
    v("gear_position", gear_position);
    v("left_signal", left_signal);
    v("rear_left_rpm", rear_left_rpm);
    v("rear_right_rpm", rear_right_rpm);
    v("right_signal", right_signal);
    v("steering", steering);
    v("steering_speed", steering_speed);
    v("throttle", throttle);
    v("vehicle_speed", vehicle_speed);
    v("yaw_rate", yaw_rate);
  }
};

/// About 800 Hz: raw pedal and steering sensors, without unit.
struct CanZoeSensors {
  int64_t utime = 0;
  double brake_sensor = 0;     ///< 0.166 released to 0.631.
  double steering_sensor = 0;  ///< 0.176 to 0.252.
  double throttle_sensor = 0;  ///< 0.105 released to 0.411.

  template <typename Visitor>
  void VisitFields(Visitor&& v) const {
    v("brake_sensor", brake_sensor);
    v("steering_sensor", steering_sensor);
    v("throttle_sensor", throttle_sensor);
  }
};

/// 100 Hz: wheels and drive train.
struct CanZoeVehicleInfo {
  int64_t utime = 0;
  std::array<double, 4> wheel_rpm{};  ///< Front left, front right, rear left, rear right.
  int64_t left_solar = 0, right_solar = 0;
  double longitudinal_accel = 0;     ///< m/s^2.
  double mean_effective_torque = 0;  ///< N m.
  int64_t odom = 0;                  ///< Centimetres within a turn of the wheel.
  double odom_speed = 0;             ///< km/h.
  int64_t pedal_cc = 0;              ///< 0 to 1000.
  int64_t regen = 0;                 ///< 0 to 100.
  double requested_torque = 0;       ///< N m.
  double steer_corrected = 0;        ///< Degrees at the steering wheel.
  double steer_offset_can = 0, steer_raw = 0;
  double transversal_accel = 0;  ///< g.

  template <typename Visitor>
  void VisitFields(Visitor&& v) const {
    v("FL_wheel_speed", wheel_rpm[0]);
    v("FR_wheel_speed", wheel_rpm[1]);
    v("RL_wheel_speed", wheel_rpm[2]);
    v("RR_wheel_speed", wheel_rpm[3]);
    v("left_solar", left_solar);
    v("longitudinal_accel", longitudinal_accel);
    v("meanEffTorque", mean_effective_torque);
    v("odom", odom);
    v("odom_speed", odom_speed);
    v("pedal_cc", pedal_cc);
    v("regen", regen);
    v("requestedTorqueAfterProc", requested_torque);
    v("right_solar", right_solar);
    v("steer_corrected", steer_corrected);
    v("steer_offset_can", steer_offset_can);
    v("steer_raw", steer_raw);
    v("transversal_accel", transversal_accel);
  }
};

/// Everything of one scene, each list in order of time.
struct CanBus {
  std::vector<CanImu> ms_imu;
  std::vector<CanPose> pose;
  std::vector<CanSteerAngle> steeranglefeedback;
  std::vector<CanVehicleMonitor> vehicle_monitor;
  std::vector<CanZoeSensors> zoesensors;
  std::vector<CanZoeVehicleInfo> zoe_veh_info;
  std::vector<std::array<double, 2>> route;  ///< x, y in G along the way that was planned.
};

/// Names of the files that WriteCanBus makes for a scene.
std::vector<std::string> CanBusFiles(const std::string& scene);

/// Writes `<folder>/<scene>_<message>.json` for the six messages, `meta` (count, frequency, time
/// span, and of every variable and of its differences the largest, mean, smallest value and the
/// standard deviation) and `route`. The same messages give the same bytes. The folder must exist.
void WriteCanBus(const std::filesystem::path& folder, const std::string& scene, const CanBus& bus);

}  // namespace occvla::data::nuscenes
