//! The whole story in one process, and what must hold beside it.

use std::time::{Duration, Instant};

use mesh::{DEMO_STEPS, DemoEvent, Members, Mesh, MeshError, MeshOptions, Reach, Role, demo};

#[tokio::test(flavor = "multi_thread")]
async fn mesh_story_is_told_and_nobody_is_an_administrator_once_the_mesh_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let mesh = Mesh::up(MeshOptions::new(folder.path())).await.unwrap();
    let reach = Reach::to(folder.path()).await.unwrap();
    let before = mesh.kcp().core().decisions.privileged_allows();
    assert!(before > 0, "the bootstrapper is counted");

    let mut failures = Vec::new();
    let summary = demo(&reach, DEMO_STEPS, |event| {
        if let DemoEvent::Ended(report) = event
            && !report.ok
        {
            failures.push(report);
        }
    })
    .await;
    assert!(summary.is_ok(), "{failures:?}");
    assert_eq!(mesh.kcp().core().decisions.privileged_allows(), before);

    let told = Instant::now();
    mesh.stop().await;
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn mesh_grants_are_members_and_the_last_owner_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mesh = Mesh::up(MeshOptions::new(folder.path())).await.unwrap();
    let reach = Reach::to(folder.path()).await.unwrap();
    assert!(demo(&reach, 2, |_| ()).await.is_ok());

    let members = Members::of(&reach, "acme:dev").await.unwrap();
    members.grant("bob", Role::Member).await.unwrap();
    members.grant("bob", Role::Member).await.unwrap();
    let list: Vec<String> =
        members.list().await.unwrap().iter().map(|m| format!("{} {}", m.role, m.user)).collect();
    assert_eq!(list, ["owner alice@example.org", "member bob@example.org"]);
    let last = members.revoke("alice", Role::Owner).await.unwrap_err();
    assert!(matches!(last, MeshError::LastOwner { .. }), "{last}");
    members.grant("bob", Role::Owner).await.unwrap();
    members.revoke("alice", Role::Owner).await.unwrap();
    let gone = members.revoke("alice", Role::Owner).await.unwrap_err();
    assert!(matches!(gone, MeshError::NotMember { .. }), "{gone}");
    let nowhere = Members::of(&reach, "acme:nowhere").await.err().unwrap();
    assert!(matches!(nowhere, MeshError::NoAccount { .. }), "{nowhere}");
    mesh.stop().await;
}

#[tokio::test]
async fn mesh_without_a_mesh_says_what_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let error = Reach::to(folder.path()).await.err().unwrap();
    assert!(matches!(error, MeshError::NoMesh { .. }), "{error}");
    assert!(error.help().contains("platform-mesh up"));
}
