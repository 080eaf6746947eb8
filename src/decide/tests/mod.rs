//! Promises that hold over generated policies, findings and changes of them.

mod lint_soundness;
mod monotonicity;
mod policy_comparison;
