//! Exploitation data: what is known of vulnerabilities whatever was scanned. One file per kind.
//!
//! A feed that is cut tells too little, so each is read to its end and checked by what it says of itself.

mod epss;
mod kev;
mod vex;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

pub use epss::{Scores, read_epss};
pub use kev::{KevCatalogue, read_kev};
pub use vex::{Statements, read_vex};

use super::reading::parse_time;
use super::{Generated, Json, ReadError, Source};

/// A feed that was read.
#[derive(Debug)]
pub struct FeedFile<T> {
    /// Its statement.
    pub holds: T,
    /// When it was made, as it says itself.
    pub generated: Generated,
    /// Where it comes from and which version it is, for people.
    pub edition: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Number of bytes.
    pub bytes: u64,
}

/// Output of a reader of a feed: what it says, when it was made, and its edition.
type FeedContent<T> = (T, Generated, String);

fn read_feed<T>(
    source: &Source,
    max: u64,
    walk: impl FnOnce(&mut Json) -> Result<FeedContent<T>, ReadError>,
) -> Result<FeedFile<T>, ReadError> {
    let mut json = Json::new(source.open(max)?);
    let (holds, generated, edition) = walk(&mut json)?;
    json.end()?;
    let (bytes, sha256) = json.finish();
    Ok(FeedFile { holds, generated, edition, sha256, bytes })
}

/// The time that a feed gives; a day counts from its beginning.
fn generated(text: &str) -> Generated {
    let day = || -> Option<Timestamp> {
        let day: Date = text.trim().parse().ok()?;
        Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
    };
    parse_time(text).or_else(day).map_or(Generated::Unreadable, Generated::At)
}
