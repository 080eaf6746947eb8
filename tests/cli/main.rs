//! secgate through its binary, where a user would notice.

mod check;
mod common;
mod legacy;
mod outputs;
mod policy;
mod reports;
mod secrets;
mod stability;
