//! The policies that come with the binary.

/// Name and text of each shipped policy.
pub static EMBEDDED: &[(&str, &str)] = &[
    ("merge", include_str!("../../policies/merge.yaml")),
    ("package", include_str!("../../policies/package.yaml")),
    ("release", include_str!("../../policies/release.yaml")),
    ("production", include_str!("../../policies/production.yaml")),
    ("security_gate", include_str!("../../policies/security_gate.yaml")),
];

/// The text of a shipped policy.
pub fn embedded(name: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::load;

    #[test]
    fn every_shipped_policy_loads_under_its_name() {
        for (name, text) in EMBEDDED {
            let policy = load(&format!("embedded:{name}"), text.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(policy.source, format!("embedded:{name}"));
            assert_eq!(policy.gate, *name);
        }
    }

    #[test]
    fn the_drop_in_gate_says_what_the_script_said() {
        let policy = load("p", embedded("security_gate").unwrap().as_bytes()).unwrap();
        let titles: Vec<&str> = policy.rules.iter().take(3).map(|r| r.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "secrets detected in change set",
                "critical SAST findings on new code",
                "critical image vulnerabilities exceed release policy",
            ]
        );
        assert_eq!(policy.title, "security gate");
        let image = policy.rules.get(2).unwrap();
        assert_eq!(image.fed_by, ["image"]);
    }
}
