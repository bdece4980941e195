//! The project's own tasks: test, bench, golden values, tidy checks.
fn main() {}
