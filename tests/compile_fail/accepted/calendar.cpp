// chrono, the calendar included.
#include <brood/brood.hpp>
#include <chrono>

void work(std::chrono::year_month_day, std::chrono::weekday, std::chrono::year);
void test() {
  using namespace std::chrono;
  brood::Process process(work, 2024y / 2 / 29, Monday, 2024y);
}
