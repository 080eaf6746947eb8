//! A report on its way from being read to being decided on: each finding is related, then counted.

use super::Tally;
use super::tally::TallyContext;
use crate::finding::{Finding, Text};
use crate::relate::{Relater, Relations};
use crate::report::{HiddenFindings, Sink, ValueMask};

/// The findings of a report, or of all of them once merged: related one by one, and counted as related.
#[derive(Debug)]
pub struct CountedReport<'p> {
    /// Relates them, and holds what it noted.
    pub related: Relater<'p>,
    /// Counts them.
    pub tally: Tally<'p>,
}

impl<'p> CountedReport<'p> {
    /// For the report at index `evidence`, given for `entries`.
    pub fn new(
        relations: Relations<'p>,
        counting: TallyContext<'p>,
        entries: &'p [String],
        evidence: usize,
    ) -> Self {
        Self { related: Relater::new(relations), tally: Tally::new(counting, entries, evidence) }
    }

    /// The report is read, and says which images it is about: what was said of them counts.
    pub fn about(&mut self, images: &[Text]) {
        self.tally.about(images, &self.related.to.vex);
    }

    /// Tells nothing of the findings that is a value of a secret in another report.
    pub fn withhold(&mut self, held: &ValueMask) {
        self.related.kept.iter_mut().for_each(|finding| held.mask(finding.texts()));
        self.tally.withhold(held);
    }

    /// Adds another report.
    pub fn merge(&mut self, other: Self) {
        self.related.merge(other.related);
        self.tally.merge(other.tally);
    }
}

impl Sink for CountedReport<'_> {
    fn finding(&mut self, finding: Finding) {
        let related = self.related.relate(finding);
        self.tally.count(related);
    }

    fn hidden(&mut self, hidden: HiddenFindings) {
        self.related.count_hidden(&hidden);
    }

    fn restart(&mut self) {
        self.related = Relater::new(self.related.to.clone());
        self.tally.restart();
    }
}
