#include "occvla/cli/label_flags.h"

#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>
#include <iomanip>
#include <ostream>

#include "occvla/cli/dataset_flags.h"

namespace occvla::cli {

void AddMakeFlags(CLI::App& verb, label::MakeOptions& make, const std::string& out_type,
                  const std::string& out_help) {
  AddSplitFlag(verb, make.split)->capture_default_str();
  verb.add_option("--seed", make.seed, "Of wording and choice: the same seed, the same bytes")
      ->type_name("N")
      ->capture_default_str();
  verb.add_option("--out", make.out, out_help)->type_name(out_type);
  verb.add_flag("--force", make.overwrite, "Replace what is there");
  verb.add_option("--threads", make.threads, "0 = all cores")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N")
      ->capture_default_str();
}

void PrintShares(const std::string& title, const std::map<std::string, uint64_t>& counts,
                 uint64_t total, std::ostream& out) {
  out << title << "\n" << std::fixed << std::setprecision(1);
  for (const auto& [name, count] : counts) {
    const double percent =
        total > 0 ? 100 * static_cast<double>(count) / static_cast<double>(total) : 0;
    out << "  " << std::left << std::setw(34) << name << std::right << std::setw(10) << count
        << std::setw(8) << percent << " %\n";
  }
}

}  // namespace occvla::cli
