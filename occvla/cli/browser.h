#pragma once
#include <string>

namespace occvla::cli {

/// Asks the desktop to show `url` in the person's browser and returns at once. False where there is
/// no desktop (no DISPLAY and no WAYLAND_DISPLAY) or no program that opens pages.
bool OpenBrowser(const std::string& url);

}  // namespace occvla::cli
