#pragma once
#include "occvla/eval/report/table.h"

/// The numbers that the paper prints (arXiv 2509.05578, tables 1 to 5 and section 4.2), each row
/// with the protocol it was measured by where that is known (facts/data-and-metrics.md F.6, F.7).
namespace occvla::eval {

Table PublishedPlanning();           ///< Table 1: L2 against methods with cameras and lidar.
Table PublishedOccupancyPlanning();  ///< Table 2: L2 against methods fed with occupancy.
Table PublishedQuestions();          ///< Table 3: NuScenes-QA accuracy, percent.
Table PublishedMetaActions();        ///< Table 4: meta actions, percent.
Table PublishedEgoAblation();        ///< Table 5: with and without the ego trajectory.
Table PublishedOccupancy();          ///< Section 4.2: mIoU "about 10 %".

}  // namespace occvla::eval
