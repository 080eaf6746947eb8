//! Diagnostics of evidence, and of a run in which there is nothing to decide on.

use jiff::Timestamp;

use crate::diagnostic::diagnostics;
use crate::finding::{Category, Target, Text};

diagnostics! {
    /// Reason why a piece of evidence is not what the policy demands.
    pub enum EvidenceDiagnostic {
        /// An entry has no file.
        "evidence-absent" Absent { files } => "no file {files}",
            help "run the scanner that writes it, or name the file with --evidence ENTRY=PATH";
        /// An entry has fewer files than it demands.
        "evidence-incomplete-set" IncompleteSet { demanded: u32, files, there: usize }
            => "{demanded} files {files} demanded, {there} there";
        /// A report is of another format than its entry asks for.
        "evidence-of-other-format" OtherFormat { wanted, is } => "the entry asks for the format {wanted}, and it is read as {is}";
        /// A report is of a format that never holds what its entry asks for.
        "evidence-of-other-category" OtherCategory { format, category: Category } => "a {format} report never says anything about {category}";
        /// The scanner says that it failed.
        "scan-failed" ScanFailed { why: Text } => "the scan failed: {why}", help "run the scanner again";
        /// The scanner scanned nothing.
        "nothing-scanned" NothingScanned { why: Text } => "{why}";
        /// A report holds findings of a category for which it shows no scan.
        "category-not-shown-scanned" CategoryNotShownScanned { category: Category }
            => "it holds findings of {category}, and shows no scan for {category} that could have found none";
        /// A report covers other categories than its entry asks for.
        "category-not-scanned" CategoryNotScanned { category: Category, covered }
            => "nothing was scanned for {category}: the report covers {covered}";
        /// Part of a scan failed.
        "scan-incomplete" ScanIncomplete { first, more } => "part of the scan failed: {first}{more}",
            help "look at its problems, and run the scanner again";
        /// A report is of another kind of target than its entry asks for.
        "other-target" OtherTarget { wanted: Target, is: Target } => "the entry asks for a scan of the {wanted}, the report is of the {is}";
        /// A report does not say what it is a scan of.
        "target-not-said" TargetNotSaid { wanted: Target } => "the report does not say that it scanned the {wanted}";
        /// A receipt is demanded and absent.
        "receipt-absent" ReceiptAbsent => "the policy demands a receipt, and there is none beside it",
            help "run the scanner with: secgate record --report PATH -- COMMAND";
        /// A receipt does not belong to its report.
        "receipt-invalid" ReceiptInvalid { why } => "{why}";
        /// A receipt is dated in the future.
        "receipt-in-future" ReceiptInFuture { time: Timestamp } => "its receipt is dated {time}, which is in the future";
        /// A receipt ends in the future.
        "receipt-ends-in-future" ReceiptEndsInFuture { time: Timestamp } => "its receipt ends at {time}, which is in the future";
        /// A receipt is about another commit.
        "receipt-of-other-commit" ReceiptOfOtherCommit { commit } => "its receipt is about commit {commit}";
        /// A receipt names no commit.
        "receipt-without-commit" ReceiptWithoutCommit => "its receipt says no commit";
        /// A report is older than the policy allows.
        "evidence-stale" Stale { age, most } => "{age} old, {most} allowed", help "run the scanner again";
        /// A report is dated in the future.
        "evidence-in-future" InFuture { time: Timestamp } => "it is dated {time}, which is in the future";
        /// A report does not say when it was made.
        "age-unknown" AgeUnknown => "it does not say when it was made";
        /// A report gives a time that is none.
        "time-unreadable" TimeUnreadable => "the time that it gives is not a time";
        /// A report is about another commit.
        "evidence-of-other-commit" OtherCommit { is, ours } => "it is about commit {is}, not {ours}";
        /// An index of images is none of what the run is about.
        "index-of-other-image" OtherIndex { is, ours } => "it is the index {is}, which neither is nor holds {ours}",
            help "keep it byte for byte, as `crane manifest NAME@sha256:HEX` or `docker buildx imagetools inspect --raw` prints it";
        /// Of an image for several platforms some were not looked at.
        "platform-not-covered" PlatformNotCovered { missing, index } => "nothing of this entry is about {missing} of the image index {index}",
            help "scan the image of each platform by its own digest";
        /// A report is about another image.
        "evidence-of-other-image" OtherImage { is: Text, ours } => "it is about the image {is}, not {ours}";
        /// A report of an image does not say of which.
        "image-not-stated" ImageNotStated => "it does not state the manifest digest of the image that it scanned";
        /// A report states neither commit nor image, and has to.
        "evidence-unbound" Unbound => "the policy demands that it states the commit or the image digest of this run";
        /// Part of a report states neither commit nor image, and has to.
        "evidence-partly-unbound" PartlyUnbound { what: Text }
            => "the policy demands that all of it states the commit or image, and {what}";
    }
}

diagnostics! {
    /// Reason why a document or a feed cannot be looked at.
    pub enum DocumentDiagnostic {
        /// A document is in an envelope that cannot be opened, or what it holds is none.
        "document-unreadable" Unreadable { why } => "{why}";
        /// A key that has to sign a document is not usable.
        "signer-keys-unusable" KeysUnusable { why } => "{why}";
        /// A key that has to sign a document is not among the policy's.
        "signer-keys-missing" KeysMissing { names } => "the policy has not all keys of `signed_by`: {names}";
    }
}

diagnostics! {
    /// Reason why no decision was reached on evidence that was read.
    pub enum DecisionDiagnostic {
        /// More waivers hold than the policy lets.
        "too-many-waivers" TooManyWaivers { all: u64, most: u64 }
            => "{all} waivers hold, and the policy lets {most} hold at a time (`waivers.max_active`)",
            help "remove those that are not needed any more: `secgate waiver lint` names them";
        /// More waivers of a rule hold than the policy lets.
        "too-many-waivers-of-rule" TooManyWaiversOfRule { rule, all: u64, most: u64 }
            => "{all} waivers hold for {rule}, and the policy lets {most} hold at a time (`waivers.max_per_rule`)",
            help "remove those that are not needed any more: `secgate waiver lint` names them";
        /// No rule has any evidence.
        "nothing-to-decide-on" NothingToDecideOn
            => "no rule applies: there is no evidence for any of them, so there is nothing to decide on";
    }
}
