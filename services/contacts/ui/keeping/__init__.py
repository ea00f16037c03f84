"""Plain pages to keep plain things with: a list, a form and a question before something goes, all from a description.

    STAGES = Kept(
        path="/ui/stages", api="/api/stages", singular="stage", plural="stages", one="stage", many="stages",
        rights=rights_of("stage:stages"),
        columns=(Column("name", "Name", order="name"), Column("weight", "Weight", order="weight", kind="number")),
        fields=(FormField("name", "Name", is_required=True), FormField("isPublished", "Published", "flag", usual=True)),
    )
    rooms = (..., KeepingPage(desk, STAGES))

That serves /ui/stages, /new, /{id}/edit and /{id}/delete. What else a thing needs is said by a subclass of
`KeepingPage`: `fields` (some that depend on what there is), `values`, `said` and `body` (between a thing of the API and
its form), `completed_form` (what a form of its own takes), `leads_to` (where one goes after a change), `completed`
(what the list shows beside what the API tells). Its own templates extend keeping/list.html and take the macros of
keeping/parts.html.
"""
