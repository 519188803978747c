//! Invite, refuse, explain, grant, allow.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{ALICE, BOB, DEV, Story, check, is_ready};
use crate::{
    Members, Role,
    demo::{Fault, calls::Caller},
    members::core_endpoints,
};

const BUCKETS: &str = "/apis/storage.example.io/v1/namespaces/default/buckets";
/// A grant has to count in this time.
const GRANT_TIME: Duration = Duration::from_secs(5);

/// Step 7.
pub(super) async fn refusal(story: &mut Story) -> Result<(), Fault> {
    let token = story.reach.file().operator_token.clone();
    let operator = Caller::at_root(&story.reach, &token).await?;
    let acme = story.clusters.first().cloned().ok_or("the cluster of acme to be known")?;
    let mut endpoints = core_endpoints(&story.reach).await?;
    let endpoint = endpoints.pop().ok_or("the core export to have an endpoint")?;
    let invites = format!("{endpoint}/clusters/{acme}/apis/core.platform-mesh.io/v1alpha1/invites");
    let invite = json!({
        "apiVersion": "core.platform-mesh.io/v1alpha1",
        "kind": "Invite",
        "metadata": {"name": "bob"},
        "spec": {"email": BOB},
    });
    operator.post(&invites, &invite).await?.success("inviting bob")?;
    story.object(&operator, &format!("{invites}/bob"), is_ready).await?;
    story.note("Invite/bob Ready");

    let bob = story.person(BOB, "acme", DEV).await?;
    let refused = bob.get(BUCKETS).await?;
    check(refused.status == 403, format!("403 for bob, got {}", refused.status))?;
    let message = refused.body["message"].as_str().unwrap_or_default();
    check(
        message.contains(&format!("User \"{BOB}\" cannot list resource")),
        format!("kcp's words, got {message}"),
    )?;
    check(!message.contains('#') && !message.contains("member"), "a refusal without any relation in it")?;
    story.note(format!("403 {message}"));

    let decisions = operator.get(&format!("/debug/decisions/{}", refused.audit_id)).await?;
    let decision = decisions.success("the recorded decision")?;
    let missing = missing_relation(&decision).ok_or("the recorded verdict to name one missing relation")?;
    story.note(format!("missing {missing}"));
    Ok(())
}

/// The relation that the verdicts of a decision miss, as `object#relation@user`.
fn missing_relation(decision: &Value) -> Option<String> {
    let verdicts = decision["trace"]["verdicts"].as_array()?;
    verdicts.iter().find_map(|verdict| {
        let relation = &verdict["missing"]["relation"];
        let text = |name: &str| relation[name].as_str();
        Some(format!("{}#{}@{}", text("object")?, text("relation")?, text("user")?))
    })
}

/// Step 8.
pub(super) async fn grant(story: &mut Story) -> Result<(), Fault> {
    let members = Members::of(&story.reach, DEV).await?;
    story.granted = Some(Instant::now());
    members.grant(BOB, Role::Member).await?;
    let all = members.list().await?;
    check(all.iter().any(|m| m.user == BOB && m.role == Role::Member), "bob among the members of dev")?;
    check(all.iter().any(|m| m.user == ALICE && m.role == Role::Owner), "alice to own dev")?;
    story.note(format!("member {BOB} of dev"));
    Ok(())
}

/// Step 9.
pub(super) async fn allowed(story: &mut Story) -> Result<(), Fault> {
    let bob = story.person(BOB, "acme", DEV).await?;
    let list = story
        .until("bob's right to list buckets", GRANT_TIME, async || {
            let answer = bob.get(BUCKETS).await?;
            Ok((answer.status == 200).then_some(answer.body))
        })
        .await?;
    let seen =
        list["items"].as_array().is_some_and(|items| items.iter().any(|b| b["metadata"]["name"] == "photos"));
    check(seen, "bob to see the bucket")?;
    if let Some(granted) = story.granted {
        story.note(format!("visible {} ms after the grant", granted.elapsed().as_millis()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use verdict::{Decision, Missing, Stage, Trace, Verdict};

    use super::*;

    #[test]
    fn the_missing_relation_is_read_from_a_recorded_trace() {
        let mut trace = Trace::new();
        trace.record(Verdict::no_opinion(Stage::LocalPolicy, "no role"));
        let missing = Missing::relation("account:1/dev", "list_buckets", "user:bob");
        trace.record(Verdict::new(Decision::NoOpinion, Stage::Relationships, "no path").missing(missing));
        let decision = json!({"trace": trace});
        assert_eq!(missing_relation(&decision).as_deref(), Some("account:1/dev#list_buckets@user:bob"));
        assert_eq!(missing_relation(&json!({})), None);
    }
}
