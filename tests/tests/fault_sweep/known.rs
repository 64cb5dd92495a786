use crate::damage::Damage;
use crate::scenario::Scenario;

/// Why a point is known to fail, if it is. What is listed here is counted and printed apart, never as held; when such a
/// point holds, nothing is said, so take it out when its reason is gone.
pub fn known_to_fail(scenario: Scenario, damage: Option<Damage>, violation: &str) -> Option<&'static str> {
    let in_doubt = damage.is_some_and(Damage::leaves_doubt);
    match scenario {
        Scenario::Submission if in_doubt && violation.starts_with("refused, but delivered: 451 4.4.2") => {
            Some("the outcome of a submission is not looked up when the connection dies during it")
        }
        _ => None,
    }
}
