#include "occvla/cli/shard_flag.h"

#include <CLI/Option.hpp>
#include <charconv>
#include <string>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::cli {

CLI::Option* AddShardFlag(CLI::App& verb, Shard& shard) {
  return verb
      .add_option_function<std::string>(
          "--shard",
          [&shard](const std::string& text) {
            const char* end = text.data() + text.size();
            Shard read;
            const auto index = std::from_chars(text.data(), end, read.index);
            if (index.ec == std::errc() && index.ptr != end && *index.ptr == '/') {
              const auto count = std::from_chars(index.ptr + 1, end, read.count);
              if (count.ec == std::errc() && count.ptr == end && read.index < read.count) {
                shard = read;
                return;
              }
            }
            throw ConfigError("--shard must be i/n with i from 0 to n - 1, such as 0/4, but is " +
                              Quoted(text) + ".");
          },
          "Only this part of the keyframes, from 0/n to (n - 1)/n")
      ->type_name("I/N");
}

}  // namespace occvla::cli
