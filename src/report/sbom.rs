//! SBOMs as documents: what they are about, how much they list, and under which licences. Components stream by; of each
//! its name is kept, under its licences.

mod components;
mod cyclonedx;
mod package_list;
mod spdx;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Generated, ImageFacts, Json, ReadError, Source};
use crate::finding::{Text, is_sha256};

pub use components::{ShippedComponent, read_components};
pub use package_list::ListedPackage;
pub(super) use package_list::listed;

/// Most distinct licences of one SBOM.
const MOST_LICENSES: usize = 50_000;

/// Longest licence text that is looked at, in characters.
const LONGEST_LICENSE: usize = 1000;

/// How much of a file tells its format.
const LOOK: usize = 64 << 10;

/// Content of an SBOM.
#[derive(Debug, Clone, Default)]
pub struct Sbom {
    /// `cyclonedx` or `spdx`.
    pub format: &'static str,
    /// Version of the format.
    pub version: Option<Text>,
    /// When it was made.
    pub generated: Generated,
    /// Manifest digests of the image that it describes, `sha256:…`.
    pub digests: Vec<Text>,
    /// Facts about that image.
    pub image: ImageFacts,
    /// Components, nested ones as well; neither files, nor the operating system, nor what it describes.
    pub components: u64,
    /// Licences as written with the components that have them; a component is bound to each of the texts.
    pub licenses: BTreeMap<Vec<String>, Vec<LicensedComponent>>,
}

/// A component, as far as it is told beside its licences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicensedComponent {
    /// Its name.
    pub name: Text,
    /// Its version; empty where none is stated.
    pub version: Text,
    /// Its package URL.
    pub purl: Option<Text>,
}

impl Sbom {
    /// Counts a component with its licences; without any it is bound to something that is not known.
    fn component(&mut self, name: &str, version: &str, purl: &str, licenses: Vec<String>) {
        self.components += 1;
        self.licensed(name, version, purl, licenses);
    }

    /// Something whose licence counts.
    fn licensed(&mut self, name: &str, version: &str, purl: &str, mut licenses: Vec<String>) {
        for text in &mut licenses {
            *text = text.trim().chars().take(LONGEST_LICENSE).collect();
        }
        licenses.sort();
        licenses.dedup();
        self.licenses.entry(licenses).or_default().push(LicensedComponent {
            name: Text::line(name),
            version: Text::line(version),
            purl: Some(Text::whole(purl)).filter(|purl| !purl.is_empty()),
        });
    }

    /// A manifest digest of what it describes.
    fn digest(&mut self, text: &str) {
        let digest = text.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        let digest_text = Text::line(&digest);
        if is_sha256(hex) && !self.digests.contains(&digest_text) {
            self.digests.push(digest_text);
        }
    }

    /// A package URL of what it describes: `pkg:oci/…` has the manifest digest as its version.
    fn purl(&mut self, text: &str) {
        let Some(purl) = super::advisory::PurlParts::parse(text).filter(|purl| purl.kind == "oci") else {
            return;
        };
        self.digest(&purl.version);
        let repository =
            text.split_once("repository_url=").map(|(_, rest)| rest.split('&').next().unwrap_or(rest));
        if let Some(repository) = repository {
            let repository = crate::finding::decoded(repository);
            self.image.name(&format!("{repository}@{}", purl.version));
        }
    }

    /// The time when it was made.
    fn made(&mut self, time: Option<&Value>) {
        self.generated = match time {
            None | Some(Value::Null) => Generated::Unknown,
            Some(time) => {
                time.as_str().and_then(|t| t.parse().ok()).map_or(Generated::Unreadable, Generated::At)
            }
        };
    }
}

/// An inventory as JSON: the file itself, or what XML or tag-value stands for.
struct InventoryJson {
    json: Json,
    /// The file, where that is no JSON.
    file: Option<Json>,
}

impl InventoryJson {
    fn open(source: &Source, max: u64) -> Result<Self, ReadError> {
        let mut json = Json::new(source.open(max)?);
        let opening = json.opening(LOOK)?;
        let made = if opening.root.as_deref() == Some("bom") {
            Some(super::xml_tree::converted(&mut json, super::cyclonedx::from_xml)?)
        } else if super::spdx_tags::looks_like(&opening.head) {
            Some(super::spdx_tags::converted(&mut json)?)
        } else {
            None
        };
        Ok(match made {
            Some(made) => Self { json: made, file: Some(json) },
            None => Self { json, file: None },
        })
    }

    /// Number of bytes and SHA-256 of the file, which must have been read to its end.
    fn finish(mut self) -> Result<(u64, String), ReadError> {
        self.json.end()?;
        Ok(self.file.unwrap_or(self.json).finish())
    }
}

/// Reads an SBOM of at most `max` bytes; gives it with the file's SHA-256 and number of bytes.
pub fn read_sbom(source: &Source, max: u64) -> Result<(Sbom, String, u64), ReadError> {
    let mut file = InventoryJson::open(source, max)?;
    let json = &mut file.json;
    let opening = json.opening(LOOK)?;
    if opening.head.is_empty() && opening.whole {
        return Err(ReadError::Empty);
    }
    let sbom = if opening.has("bomFormat") {
        cyclonedx::read_cyclonedx(json)?
    } else if opening.has("@graph") || opening.has("@context") {
        spdx::read_3(json)?
    } else if opening.has("spdxVersion") || opening.has("SPDXID") {
        let described = spdx::described(source, max)?;
        let sbom = spdx::read_2(json, &described.0)?;
        let (bytes, sha256) = file.finish()?;
        return if sha256 == described.1 { Ok((sbom, sha256, bytes)) } else { Err(ReadError::Changed) };
    } else {
        json.skip()?;
        return Err(ReadError::WrongFormat { asked: "sbom".to_owned(), looks_like: opening.describe() });
    };
    let (bytes, sha256) = file.finish()?;
    Ok((sbom, sha256, bytes))
}

/// The text of a member.
fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// The elements of a member that is a list.
fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Too many distinct licences are no inventory that anybody has looked at.
fn bounded(json: &Json, sbom: &Sbom) -> Result<(), ReadError> {
    if sbom.licenses.len() > MOST_LICENSES {
        return Err(json.shape(&format!("more than {MOST_LICENSES} different licences")));
    }
    Ok(())
}
