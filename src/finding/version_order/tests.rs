use super::*;
use proptest::prelude::*;

const ORDERS: [VersionOrder; 11] = [
    VersionOrder::Semver,
    VersionOrder::Pub,
    VersionOrder::Nuget,
    VersionOrder::Pep440,
    VersionOrder::Maven,
    VersionOrder::Gem,
    VersionOrder::Composer,
    VersionOrder::Numbers,
    VersionOrder::Debian,
    VersionOrder::Rpm,
    VersionOrder::Apk,
];

/// Chains from the earliest to the latest, `=` between what is the same.
const CHAINS: [(VersionOrder, &str); 16] = [
    // semver.org, clause 11
    (
        VersionOrder::Semver,
        "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0",
    ),
    (VersionOrder::Semver, "0 < 0.0.1-0 < 1.9.0 < 1.10.0 = v1.10.0+x < 2 = 2.0.0 < 99999999999999999999.0.0"),
    (VersionOrder::Pub, "1.2.3-a < 1.2.3 < 1.2.3+1 < 1.2.3+a"),
    (VersionOrder::Nuget, "1.0.0-BETA = 1.0.0-beta < 1.0 = 1.0.0.0 < 1.0.0.1"),
    // PEP 440, "Summary of permitted suffixes and relative ordering"
    (
        VersionOrder::Pep440,
        "1.dev0 < 1.0.dev456 < 1.0a1 < 1.0a2.dev456 < 1.0a12.dev456 < 1.0a12 < 1.0b1.dev456 < 1.0b2 < 1.0b2.post345.dev456 < 1.0b2.post345 < 1.0rc1.dev456 < 1.0rc1 < 1.0 < 1.0+abc.5 < 1.0+abc.7 < 1.0+5 < 1.0.post456.dev34 < 1.0.post456 < 1.0.15 < 1.1.dev1",
    ),
    (
        VersionOrder::Pep440,
        "2024.1 < 1!0.1 ; 1.0-1 = 1.0.post1 = 1.0-r1 ; v1.0-Alpha.1 = 1a1 ; 1.0.c1 = 1.0rc1",
    ),
    // POM reference, examples of the Version Order Specification
    (
        VersionOrder::Maven,
        "1 < 1.1 ; 1-snapshot < 1 < 1-sp ; 1-foo2 < 1-foo10 ; 1.foo < 1-foo < 1-1 < 1.1 ; 1.ga = 1-ga = 1-0 = 1.0 = 1",
    ),
    (
        VersionOrder::Maven,
        "1-a1 = 1-alpha-1 < 1-beta-1 < 1.0-RC1 = 1.0-cr1 < 1.0.Final = 1.0 < 1.0.1 < 2.0-jre",
    ),
    (VersionOrder::Gem, "1.0.a < 1.0.b1 < 1.0 = 1 = 1.0.0 < 1.0.1 < 1.9 < 1.10 ; 1.0-1 < 1.0"),
    (
        VersionOrder::Composer,
        "1.0-dev < 1.0.0-alpha1 < 1.0-beta < 1.0-beta2-dev < 1.0-beta2 < 1.0-RC1 < v1.0 = 1.0.0.0 < 1.0-patch1 < 1.0.1",
    ),
    (VersionOrder::Numbers, "0.9 < 0.75 < 1.0 < 1.0.0 < 1.0-1"),
    // deb-version(7): `~~`, `~~a`, `~`, the empty part, `a`
    (
        VersionOrder::Debian,
        "1.0~~ < 1.0~~a < 1.0~ < 1.0 < 1.0a < 1.0+b ; 1.2-1 < 1.2-1+deb12u1 < 1.2-2 < 1:0.1",
    ),
    (VersionOrder::Debian, "1.0 = 0:1.0-0 ; 2.9 < 2.10"),
    // rpm-version(7)
    (VersionOrder::Rpm, "1.0~rc1 < 1.0 < 1.0^git1 < 1.0a < 1.0.1 ; 3.0.7-6.el9_2 < 3.0.7-24.el9 < 1:1.0-1"),
    (VersionOrder::Rpm, "1.0 = 1_0 ; 1.0-1 = 1.0 ; a < 1"),
    (
        VersionOrder::Apk,
        "1.2_alpha < 1.2_rc1 < 1.2-r0 < 1.2-r1 < 1.2_p1 < 1.2a-r0 < 1.2.0 < 1.2.1 < 1.2.10 ; 1.02 < 1.1 ; 1.2_git20 < 1.2_git21",
    ),
];

#[test]
fn each_ecosystem_orders_as_it_documents() {
    for (order, chains) in CHAINS {
        for chain in chains.split(" ; ") {
            let words: Vec<&str> = chain.split(' ').collect();
            // Each with each: an order that holds only between neighbours is none.
            for (from, low) in words.iter().enumerate().step_by(2) {
                for (to, high) in words.iter().enumerate().step_by(2).filter(|(to, _)| *to > from) {
                    let less = words.get(from..to).unwrap_or_default().contains(&"<");
                    let expected = if less { Ordering::Less } else { Ordering::Equal };
                    // The release of an RPM counts where both have one, which is no order of three.
                    assert_eq!(order.compare(low, high), Some(expected), "{order:?}: {low} {high}");
                    assert_eq!(order.compare(high, low), Some(expected.reverse()), "{order:?}: {high} {low}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_version_has_no_place() {
    for (order, text) in [
        (VersionOrder::Semver, "latest"),
        (VersionOrder::Semver, "1.2.x"),
        (VersionOrder::Semver, "1.2.3-"),
        (VersionOrder::Semver, "8f4b7f84864484a7bf31766abe9204da3cbe65b3"),
        (VersionOrder::Pep440, "1.0-foo"),
        (VersionOrder::Pep440, ""),
        (VersionOrder::Maven, "${revision}"),
        (VersionOrder::Gem, "HEAD"),
        (VersionOrder::Composer, "dev-main"),
        (VersionOrder::Composer, "1.x-dev"),
        (VersionOrder::Numbers, "1.a"),
        (VersionOrder::Debian, "a:1"),
        (VersionOrder::Debian, "1 0"),
        (VersionOrder::Rpm, ""),
        (VersionOrder::Apk, "1.2-foo"),
    ] {
        assert_eq!(order.compare(text, "1.0"), None, "{order:?} {text}");
        assert_eq!(order.compare("1.0", text), None, "{order:?} {text}");
    }
    assert_eq!(VersionOrder::of_ecosystem("generic"), None);
}

proptest! {
    #[test]
    fn an_order_is_an_order(
        a in "[0-2]{1,2}(\\.[0-2]{1,2}){0,2}([-._~]?(a|b|rc|dev|p)[0-2]?)?(-r?[01])?",
        b in "[0-2]{1,2}(\\.[0-2]{1,2}){0,2}([-._~]?(a|b|rc|dev|p)[0-2]?)?(-r?[01])?",
        c in "[0-2]{1,2}(\\.[0-2]{1,2}){0,2}([-._~]?(a|b|rc|dev|p)[0-2]?)?(-r?[01])?",
    ) {
        for order in ORDERS {
            let ab = order.compare(&a, &b);
            prop_assert_eq!(ab, order.compare(&b, &a).map(Ordering::reverse), "{:?}", order);
            if order.compare(&a, &a).is_some() {
                prop_assert_eq!(order.compare(&a, &a), Some(Ordering::Equal));
            }
            // A missing release of an RPM is any, and what Maven fills up depends on the other version.
            if !matches!(order, VersionOrder::Rpm | VersionOrder::Maven)
                && let (Some(ab), Some(bc)) = (ab, order.compare(&b, &c))
                && ab != Ordering::Greater && bc != Ordering::Greater
            {
                prop_assert_ne!(order.compare(&a, &c), Some(Ordering::Greater), "{:?}", order);
            }
        }
    }

    #[test]
    fn no_text_is_too_odd(a in "\\PC{0,12}", b in "\\PC{0,12}") {
        for order in ORDERS {
            let _ = order.compare(&a, &b);
        }
    }
}
