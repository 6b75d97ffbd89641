extern "C" __attribute__((visibility("default"))) int late_twice(int n) { return 2 * n; }
