#pragma once
#include <functional>
#include <vector>

#include "occvla/world/traffic/occupancy.h"

/// Who may enter a junction. A vehicle enters a connector only with its grant, and no two grants
/// whose paths meet ahead of both vehicles are held at once: nobody meets anybody. Lights, stop
/// signs and priority say who is asked first; who has waited long goes before priority, so nobody
/// waits for ever.
namespace occvla::world::traffic {

class Junctions {
 public:
  explicit Junctions(const Roads& roads) : roads_(roads), held_(roads.town().junctions.size()) {}

  /// Takes back what is no longer needed and grants what can be. `claimed(crossing)` is true for
  /// crossings that people use now.
  void Step(std::vector<Vehicle>& vehicles, const Occupancy& occupancy, double time_s,
            const std::function<bool(int)>& claimed);
  bool Holds(int vehicle, int connector) const;
  /// Granted without asking: a vehicle that starts inside a junction.
  void Grant(int vehicle, int connector);

 private:
  struct Held {
    int vehicle, connector;
  };
  struct Request {
    int vehicle, connector, junction;
    size_t leg;
    double distance;  // To the line.
    bool late;        // Has waited so long that priority no longer counts.
  };
  void TakeBack(const std::vector<Vehicle>& vehicles, double time_s);
  std::vector<Request> Ask(std::vector<Vehicle>& vehicles, double time_s) const;
  bool Allowed(const Vehicle& vehicle, const Request& request, double time_s) const;
  bool HasRoom(const std::vector<Vehicle>& vehicles, const Occupancy& occupancy,
               const Request& request) const;
  bool IsFree(const std::vector<Vehicle>& vehicles, const Request& request) const;
  bool MustWait(const std::vector<Vehicle>& vehicles, const std::vector<Request>& requests,
                const Request& request) const;

  const Roads& roads_;
  std::vector<std::vector<Held>> held_;  // Per junction.
};

}  // namespace occvla::world::traffic
