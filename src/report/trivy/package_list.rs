//! The packages that a report lists, vulnerable or not (`Packages`, which Trivy 0.74 writes unasked, older ones under
//! `--list-all-pkgs`): proof that a package was there.

use std::io::Read as _;

use serde::Deserialize;

use super::entry::Site;
use super::is_image;
use super::needed::ListedPackages;
use crate::finding::{Package, Scope, Text, project_path};
use crate::report::{Options, Source};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyListing {
    #[serde(default)]
    artifact_name: String,
    #[serde(default)]
    artifact_type: String,
    results: Option<Vec<Scanned>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Scanned {
    #[serde(default)]
    target: String,
    #[serde(default)]
    class: String,
    packages: Option<Vec<TrivyPackage>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyPackage {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    epoch: u64,
    #[serde(default)]
    file_path: String,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    identifier: ListedIdentifier,
}

#[derive(Deserialize, Default)]
struct ListedIdentifier {
    #[serde(default, rename = "PURL")]
    purl: String,
}

impl TrivyPackage {
    /// As Trivy writes it into a vulnerability's `InstalledVersion` (`pkg/scanner/utils`, `FormatVersion`).
    fn version(&self) -> String {
        let release = if self.release.is_empty() { String::new() } else { format!("-{}", self.release) };
        let epoch = if self.epoch == 0 { String::new() } else { format!("{}:", self.epoch) };
        format!("{epoch}{}{release}", self.version)
    }
}

/// Path and package of everything listed in the file with this SHA-256; nothing if it is not the same file any more, or
/// of another shape than is read here.
pub(in crate::report) fn packages(
    source: &Source,
    options: &Options,
    sha256: &str,
) -> Vec<(String, Package, Option<Scope>)> {
    let mut bytes = Vec::new();
    let Ok(mut input) = source.open(options.max_report) else { return Vec::new() };
    if input.read_to_end(&mut bytes).is_err() || input.digest().1 != sha256 {
        return Vec::new();
    }
    let Ok(listing) = serde_json::from_slice::<TrivyListing>(&bytes) else { return Vec::new() };
    let artifact = if is_image(&listing.artifact_type) { listing.artifact_name } else { String::new() };
    let mut all = Vec::new();
    for scanned in listing.results.unwrap_or_default() {
        let site = Site {
            target: scanned.target,
            class: scanned.class,
            artifact: artifact.clone(),
            resource: String::new(),
            roots: &options.roots,
            end_of_life: None,
            listed: ListedPackages::default(),
        };
        for item in scanned.packages.unwrap_or_default() {
            // The place is the same as that of a vulnerability in it.
            let path = if item.file_path.is_empty() { site.lock_file() } else { &item.file_path };
            let path = Text::whole(&project_path(path, &options.roots)).to_string();
            let package = Package {
                name: Text::line(&item.name),
                version: Text::line(&item.version()),
                purl: Some(Text::whole(&item.identifier.purl)).filter(|purl| !purl.is_empty()),
                ..Package::default()
            };
            all.push((path, package, item.dev.then_some(Scope::Development)));
        }
    }
    all
}
