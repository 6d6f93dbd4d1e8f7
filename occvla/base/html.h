#pragma once
#include <string>
#include <string_view>

namespace occvla {

/// `text` for an HTML page, also inside of a quoted attribute.
std::string HtmlText(std::string_view text);

}  // namespace occvla
