//! Tables of a fleet, each with its chart: built once, for the page, Markdown and CSV alike.

use jiff::Timestamp;

/// A value of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FleetCell {
    /// Words.
    Words(String),
    /// A name that is written as it is.
    Name(String),
    /// A word of a closed set, which has its colour.
    Colored(&'static str),
    /// A number; none where it is not known.
    Count(Option<i64>),
    /// A share in a hundred; none of nothing.
    Share(u64, u64),
    /// A day.
    Day(Option<Timestamp>),
    /// A day or a time as somebody wrote it.
    Written(String),
    /// A repository, which links to what is open in it.
    Repository(String),
}

impl FleetCell {
    /// A count of things.
    pub(super) fn count(count: u64) -> Self {
        Self::Count(Some(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// A number of things.
    pub(super) fn number(number: usize) -> Self {
        Self::count(number as u64)
    }

    /// Its text for people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Words(text) | Self::Name(text) | Self::Written(text) | Self::Repository(text) => {
                text.clone()
            }
            Self::Colored(word) => word.replace('_', " "),
            Self::Count(count) => count.map(|count| count.to_string()).unwrap_or_default(),
            Self::Share(part, whole) => {
                percent(*part, *whole).map(|share| format!("{share} %")).unwrap_or_default()
            }
            Self::Day(time) => time.map(day).unwrap_or_default(),
        }
    }

    /// Its text for programs.
    pub(super) fn exact(&self) -> String {
        match self {
            Self::Words(_) | Self::Name(_) | Self::Written(_) | Self::Repository(_) | Self::Count(_) => {
                self.shown()
            }
            Self::Colored(word) => (*word).to_owned(),
            Self::Share(part, whole) => {
                percent(*part, *whole).map(|share| share.to_string()).unwrap_or_default()
            }
            Self::Day(time) => time.map(|time| time.to_string()).unwrap_or_default(),
        }
    }

    /// A value that it is sorted by, where that is not its text.
    pub(super) fn sort_value(&self) -> Option<i64> {
        match self {
            Self::Words(_) | Self::Name(_) | Self::Written(_) | Self::Repository(_) | Self::Colored(_) => {
                None
            }
            Self::Count(count) => Some(count.unwrap_or(i64::MIN)),
            Self::Share(part, whole) => {
                Some(percent(*part, *whole).map_or(-1, |share| i64::try_from(share).unwrap_or(-1)))
            }
            Self::Day(time) => Some(time.map_or(i64::MIN, Timestamp::as_second)),
        }
    }

    /// Whether it stands at the right.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Count(_) | Self::Share(..))
    }
}

/// A share in a hundred; none of nothing.
fn percent(part: u64, whole: u64) -> Option<u64> {
    part.checked_mul(100)?.checked_div(whole)
}

/// The day of a time in UTC.
pub(super) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// A bar of a chart, of parts that stand beside each other.
#[derive(Debug, Clone)]
pub(super) struct FleetBar {
    /// Its name.
    pub(super) name: String,
    /// Its parts, in the order of the chart's.
    pub(super) parts: Vec<u64>,
}

/// A chart: the parts of all bars have one scale.
#[derive(Debug, Clone)]
pub(super) struct FleetChart {
    /// Bars stand upright, as months do.
    pub(super) upright: bool,
    /// The parts: each a class of its colour and its name.
    pub(super) parts: Vec<(&'static str, &'static str)>,
    /// The bars.
    pub(super) bars: Vec<FleetBar>,
}

/// A table.
#[derive(Debug, Clone)]
pub(super) struct FleetTable {
    /// Its name as a file and an anchor.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) heading: &'static str,
    /// What it tells, in a sentence or two.
    pub(super) about: String,
    /// The columns.
    pub(super) columns: Vec<&'static str>,
    /// The rows, those that matter most first.
    pub(super) rows: Vec<Vec<FleetCell>>,
    /// Rows that a page shows.
    pub(super) shown: usize,
    /// Its chart.
    pub(super) chart: Option<FleetChart>,
    /// What is said where it has no row.
    pub(super) empty: &'static str,
}

impl FleetTable {
    /// Rows that a page does not show.
    pub(super) fn cut(&self) -> usize {
        self.rows.len().saturating_sub(self.shown)
    }
}

/// Bars of a chart of the first rows that have any.
pub(super) fn bars(
    upright: bool,
    parts: &[(&'static str, &'static str)],
    bars: Vec<FleetBar>,
) -> Option<FleetChart> {
    let any = bars.iter().any(|bar| bar.parts.iter().any(|part| *part > 0));
    any.then(|| FleetChart { upright, parts: parts.to_vec(), bars })
}
