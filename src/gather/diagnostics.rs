//! Diagnostics of the files that a run is given.

use crate::diagnostic::diagnostics;

diagnostics! {
    /// Reason why the files of a run cannot be read as they were given.
    pub enum GatherDiagnostic {
        /// `--evidence` names an entry that the policy does not have.
        "unknown-evidence-entry" UnknownEntry { name, known } => "--evidence {name}: the policy has no such entry; it has {known}";
        /// `--evidence` names an entry that there is for each subject.
        "evidence-entry-of-several-subjects" EntryOfSeveralSubjects { name, known }
            => "--evidence {name}: there is one for each subject; say which: {known}";
        /// Standard input ended with an error.
        "standard-input-unreadable" StandardInputUnreadable { why } => "standard input cannot be read: {why}";
        /// Standard input is over its limit.
        "standard-input-too-large" StandardInputTooLarge { most: u64 } => "standard input is over the limit of {most} bytes (--max-stdin)";
        /// A file is given twice.
        "two-formats" TwoFormats => "is given twice, as two different formats";
        /// A report of the base cannot be read.
        "base-report-unreadable" BaseReportUnreadable { why } => "--base-report: {why}";
    }
}
