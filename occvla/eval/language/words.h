#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace occvla::eval {

/// The words of a text that BLEU, ROUGE-L and CIDEr compare, after the Penn Treebank's tokeniser as
/// the COCO caption evaluation uses it: ASCII in lower case; sentence marks, quotes and brackets
/// dropped; "don't" is "do" "n't", "car's" is "car" "'s"; numbers keep their points and commas,
/// compounds their hyphens; marks such as % are words. Bytes above 127 belong to words. The Java
/// original differs in rarities (dates, abbreviations, emoticons, fractions).
std::vector<std::string> WordsOf(std::string_view text);

/// The words of a text that is tokenised already: cut at white space, nothing else.
std::vector<std::string> TokensOf(std::string_view text);

}  // namespace occvla::eval
