#pragma once

#include "../http/call.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab::s3 {

/// A refusal: thrown by handlers, turned into <Error>.
struct Problem {
    int status = 400;
    std::string code;
    std::string message;
};

/// The usual message and status of one of S3's codes.
Problem problem(std::string_view code);
/// The code for a status that a fault asks for.
Problem problem_of(int status, const std::string& code);
Answer failure(const Problem& problem, const std::string& resource);

/// Text fit to stand between two tags.
std::string escaped(std::string_view text);
/// "<name>text</name>", the text escaped.
std::string element(std::string_view name, std::string_view text);
/// The document with its declaration and S3's namespace on the outermost element.
Answer xml(std::string_view outermost, const std::string& content);

/// The texts between <name> and </name>, entities resolved; nested elements stay as they are.
std::vector<std::string> elements(std::string_view document, std::string_view name);
/// The first of them; empty: there is none.
std::string first_element(std::string_view document, std::string_view name);

}  // namespace kavi::lab::s3
