//! The `opportune` program.
fn main() {}
