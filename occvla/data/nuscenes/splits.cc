#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "occvla/data/nuscenes/dataset.h"

namespace occvla::data::nuscenes {
namespace {

/// Scene numbers from first to last.
struct Run {
  uint16_t first, last;
};

// facts/data-and-metrics.md A.6; compared with the devkit's lists by script/parity.
constexpr Run kTrainDetect[] = {
    {1, 2},     {41, 76},   {161, 168}, {170, 176}, {190, 196},   {199, 200},   {202, 204},
    {206, 214}, {254, 264}, {283, 306}, {315, 318}, {321, 321},   {323, 324},   {347, 375},
    {382, 382}, {420, 439}, {457, 459}, {461, 465}, {467, 469},   {471, 472},   {474, 480},
    {566, 566}, {568, 568}, {570, 578}, {580, 580}, {582, 583},   {665, 679},   {681, 681},
    {683, 689}, {739, 741}, {744, 744}, {746, 747}, {749, 752},   {757, 765},   {767, 769},
    {868, 873}, {875, 878}, {880, 880}, {882, 903}, {945, 945},   {947, 947},   {949, 949},
    {952, 953}, {955, 961}, {975, 984}, {988, 991}, {1011, 1025}, {1074, 1102}, {1104, 1105}};
constexpr Run kTrainTrack[] = {
    {4, 11},     {19, 34},     {120, 135},  {138, 139}, {149, 152}, {154, 155}, {157, 160},
    {177, 185},  {187, 188},   {218, 220},  {222, 222}, {224, 253}, {328, 328}, {376, 381},
    {383, 386},  {388, 403},   {405, 408},  {410, 419}, {440, 456}, {499, 502}, {504, 515},
    {517, 518},  {525, 539},   {541, 546},  {584, 600}, {639, 664}, {695, 698}, {700, 701},
    {703, 719},  {726, 728},   {730, 731},  {733, 738}, {786, 787}, {789, 792}, {803, 806},
    {808, 813},  {815, 817},   {819, 822},  {847, 856}, {858, 858}, {860, 866}, {992, 992},
    {994, 1010}, {1044, 1058}, {1106, 1110}};
constexpr Run kVal[] = {{3, 3},     {12, 18},    {35, 36},   {38, 39},   {92, 110},  {221, 221},
                        {268, 278}, {329, 332},  {344, 346}, {519, 524}, {552, 565}, {625, 627},
                        {629, 630}, {632, 638},  {770, 771}, {775, 775}, {777, 778}, {780, 784},
                        {794, 800}, {802, 802},  {904, 917}, {919, 931}, {962, 963}, {966, 969},
                        {971, 972}, {1059, 1073}};
constexpr Run kTest[] = {{77, 91},   {111, 119}, {140, 140}, {142, 148}, {265, 266}, {279, 282},
                         {307, 314}, {333, 343}, {481, 498}, {547, 551}, {601, 604}, {606, 624},
                         {827, 831}, {833, 842}, {844, 846}, {932, 933}, {935, 943}, {1026, 1043}};
constexpr Run kMiniTrain[] = {{61, 61},   {553, 553},   {655, 655},   {757, 757},
                              {796, 796}, {1077, 1077}, {1094, 1094}, {1100, 1100}};
constexpr Run kMiniVal[] = {{103, 103}, {916, 916}};

void Add(std::span<const Run> runs, std::vector<std::string>& names) {
  for (const Run& run : runs) {
    for (int number = run.first; number <= run.last; ++number)
      names.push_back(fmt::format("scene-{:04}", number));
  }
}

}  // namespace

std::vector<std::string> OfficialScenes(std::string_view split) {
  std::vector<std::string> names;
  if (split == "train_detect" || split == "train") Add(kTrainDetect, names);
  if (split == "train_track" || split == "train") Add(kTrainTrack, names);
  if (split == "val") Add(kVal, names);
  if (split == "test") Add(kTest, names);
  if (split == "mini_train") Add(kMiniTrain, names);
  if (split == "mini_val") Add(kMiniVal, names);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace occvla::data::nuscenes
