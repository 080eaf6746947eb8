//! Waivers as an `OpenVEX` document, for those who receive the product (specification v0.2.0, its JSON Schema).
//!
//! A waiver accepts a risk: its vulnerability affects the product. Only one that says with a justification why it does not
//! becomes `not_affected`, and only where the document can say it as narrowly as the waiver does.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::finding::{Purl, clean_line};
use crate::policy::waiver::{VexJustification, Waiver};

/// The `@context` of documents of this version.
const CONTEXT: &str = "https://openvex.dev/ns/v0.2.0";

/// An `OpenVEX` document.
#[derive(Debug, Serialize)]
pub struct WaiverVex {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@id")]
    id: String,
    author: String,
    timestamp: String,
    version: u32,
    tooling: &'static str,
    statements: Vec<WaiverStatement>,
}

#[derive(Debug, Serialize)]
struct WaiverStatement {
    vulnerability: VulnerabilityName,
    timestamp: String,
    products: Vec<VexProduct>,
    status: &'static str,
    status_notes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_statement: Option<String>,
}

#[derive(Debug, Serialize)]
struct VulnerabilityName {
    name: String,
}

#[derive(Debug, Serialize)]
struct VexProduct {
    #[serde(rename = "@id")]
    id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subcomponents: Vec<VexSubcomponent>,
}

#[derive(Debug, Clone, Serialize)]
struct VexSubcomponent {
    #[serde(rename = "@id")]
    id: String,
}

/// The waivers as a document, and why some of them are not in it; no document where nothing is left to say.
pub fn openvex(
    waivers: &[Waiver],
    author: &str,
    products: &[String],
    now: jiff::Timestamp,
) -> (Option<WaiverVex>, Vec<String>) {
    let (mut statements, mut left_out) = (Vec::new(), Vec::new());
    for waiver in waivers {
        match of_waiver(waiver, products, now) {
            Ok(more) => statements.extend(more),
            Err(why) => left_out.push(format!("{}: {why}", clean_line(&waiver.id))),
        }
    }
    let document = (!statements.is_empty()).then(|| WaiverVex {
        context: CONTEXT,
        id: identity(&statements),
        author: author.to_owned(),
        timestamp: now.to_string(),
        version: 1,
        tooling: concat!("secgate ", env!("CARGO_PKG_VERSION")),
        statements,
    });
    (document, left_out)
}

/// A statement for each vulnerability of a waiver.
fn of_waiver(
    waiver: &Waiver,
    products: &[String],
    now: jiff::Timestamp,
) -> Result<Vec<WaiverStatement>, String> {
    let matches = &waiver.matches;
    if now >= waiver.ends {
        return Err(format!("it ended on {}", waiver.expires));
    }
    if matches.ids.is_empty() {
        return Err("it names no vulnerability by an id".to_owned());
    }
    let package = matches.package.as_ref().and_then(|name| Purl::parse(name).map(|_| name));
    let package = package.map(|purl| match &matches.version {
        Some(version) if !purl.contains('@') => format!("{purl}@{version}"),
        _ => purl.clone(),
    });
    let narrowed = matches.path.is_some()
        || matches.tool.is_some()
        || matches.package.is_some() && package.is_none()
        || matches.version.is_some() && package.is_none();
    if waiver.justification.is_some() && narrowed {
        return Err("it says that the product is not affected, of one place or package that OpenVEX cannot name; name \
                    the package by its package URL, and leave out `path` and `tool`"
            .to_owned());
    }
    let subcomponents: Vec<VexSubcomponent> = package.into_iter().map(|id| VexSubcomponent { id }).collect();
    let product = |id: &String| VexProduct { id: id.clone(), subcomponents: subcomponents.clone() };
    let justification = waiver.justification.map(VexJustification::as_str);
    let action = format!(
        "Risk accepted until {} (waiver {}, owner {}, approved by {}). Meanwhile: {}",
        waiver.expires,
        waiver.id,
        waiver.owner,
        waiver.approved_by,
        waiver.compensating_controls.join("; ")
    );
    let since = if waiver.created.contains('T') {
        waiver.created.clone()
    } else {
        format!("{}T00:00:00Z", waiver.created)
    };
    let statement = |id: &String| WaiverStatement {
        vulnerability: VulnerabilityName { name: id.clone() },
        timestamp: since.clone(),
        products: products.iter().map(product).collect(),
        status: if justification.is_some() { "not_affected" } else { "affected" },
        status_notes: clean_line(&waiver.reason).into_owned(),
        justification,
        action_statement: justification.is_none().then(|| clean_line(&action).into_owned()),
    };
    Ok(matches.ids.iter().map(statement).collect())
}

/// A URN of what the document says, so that the same waivers have the same one.
fn identity(statements: &[WaiverStatement]) -> String {
    let digest = Sha256::digest(serde_json::to_vec(statements).unwrap_or_default());
    let mut bytes: Vec<u8> = digest.iter().copied().take(16).collect();
    // Version 8 and the variant of RFC 9562.
    for (at, keep, set) in [(6, 0x0f, 0x80), (8, 0x3f, 0x80)] {
        if let Some(byte) = bytes.get_mut(at) {
            *byte = (*byte & keep) | set;
        }
    }
    let hex = crate::finding::hex(&bytes);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    format!("urn:uuid:{}", parts.join("-"))
}
