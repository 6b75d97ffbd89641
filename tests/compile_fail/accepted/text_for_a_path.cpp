// Arguments are judged as the parameters they become.
#include <brood/brood.hpp>
#include <chrono>
#include <filesystem>
#include <string>

void work(std::filesystem::path, const std::string&, std::chrono::milliseconds);
void test() { brood::Process process(work, "a.pdf", "text", std::chrono::seconds(1)); }
