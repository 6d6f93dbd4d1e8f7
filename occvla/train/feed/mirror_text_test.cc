#include "occvla/train/feed/mirror_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla::train {
namespace {

void ExpectMirrors(const std::string& one, const std::string& other) {
  EXPECT_EQ(MirrorText(one), other);
  EXPECT_EQ(MirrorText(other), one);
}

TEST(MirrorTextTest, SwapsSidesInEverySpelling) {
  ExpectMirrors("Turn Left", "Turn Right");
  ExpectMirrors("Maintain speed, Change Lane Left", "Maintain speed, Change Lane Right");
  ExpectMirrors("the leftmost lane; RIGHT, Rightmost, leftwards",
                "the rightmost lane; LEFT, Leftmost, rightwards");
  ExpectMirrors("CAM_FRONT_LEFT and front-right", "CAM_FRONT_RIGHT and front-left");
  ExpectMirrors("a left-hand bend, then right.", "a right-hand bend, then left.");
  ExpectMirrors("Are there any cars to the back left of the bus to the front right of me?",
                "Are there any cars to the back right of the bus to the front left of me?");
  EXPECT_EQ(MirrorText("bright, upright, alright, Wright, leftover"),
            "bright, upright, alright, Wright, leftover");
}

TEST(MirrorTextTest, KeepsWhatIsNoDirection) {
  for (const char* text :
       {"The car must stop right away.", "It has the right of way.", "Right now it stands.",
        "It is all right.", "A light right in front of the car.", "A right angle.",
        "It takes the right decision at the right moment.", "The bus left the lane.",
        "The van left its place."})
    EXPECT_EQ(MirrorText(text), text);
  ExpectMirrors("A car on the left in front of the bus.",
                "A car on the right in front of the bus.");
  ExpectMirrors("It turns left at the light.", "It turns right at the light.");
  ExpectMirrors("On the left the road ends.", "On the right the road ends.");
}

TEST(MirrorTextTest, RefusesWhatMayBeEither) {
  for (const char* text : {"The car has left.", "There is room left.", "The bus is right.",
                           "It moves right in front of the bus.", "It keeps left now.",
                           "What is left?", "the top-left corner", "LeFt"})
    EXPECT_EQ(MirrorText(text), std::nullopt) << text;
}

TEST(MirrorTextTest, TurnsSignsOfPlacesInE) {
  ExpectMirrors("[PT, (+4.26, -0.44), (+8.35, +1.73), (+12.10, 0.0)]",
                "[PT, (+4.26, +0.44), (+8.35, -1.73), (+12.10, 0.0)]");
  ExpectMirrors("A car at (-3.1, +2.0), 3 m ahead.", "A car at (-3.1, -2.0), 3 m ahead.");
  ExpectMirrors("about 30 m ahead, to the left", "about 30 m ahead, to the right");
}

TEST(MirrorTextTest, RefusesCoordinatesThatItCannotRead) {
  for (const char* text :
       {"<c1,CAM_FRONT,1088.3,497.5>", "a car at (3.1, 2.0)", "at (+3.1, +2.0, +1.0)",
        "a car at 12.3, -4.5", "[3.1, 2.0]", "y: -4.5", "turned by 30\xC2\xB0", "heading north",
        "at two o'clock", "a clockwise turn", "(3, 4)"})
    EXPECT_EQ(MirrorText(text), std::nullopt) << text;
}

}  // namespace
}  // namespace occvla::train
