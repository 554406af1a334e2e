"""The report in a browser, opened as a file: what it counts, sorts, says and prints."""

import re
import shlex
import shutil

import pytest
import sqlalchemy as sa

from objectives import ReturnPanel
from studies import Session
from studies.analysis import read_filter
from studies.database.tables import hyperparameter_tuning_results as results
from studies.reports import SessionData, write_report
from studies.reports.leaders import leaders_of
from tests.helpers.databases import SqliteDatabases, closing_connections
from tests.helpers.sessions import make_config
from tests.studies.conftest import write_market

pytestmark = pytest.mark.browser

SPLIT = {"start_date": "2024-01-11", "split_date": "2024-04-01", "min_active_days": 30}
ENGLISH = re.compile(r"[A-Za-z]{3,}")
ALLOWED = re.compile(
    r"session_\w+|exhaustive|[A-Z]{2}(_[A-Z]{2})*(_W\w+)?|\d{4}-\d\d-\d\d|UTC|insufficient_data"
    r"|English|PED-ANOVA|JavaScript"
)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    databases = SqliteDatabases(tmp_path_factory.mktemp("report"))
    with closing_connections(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        url = databases.create()
        write_market(url, ReturnPanel.synthetic(n_pairs=12, n_days=160))
        made = Session.create(make_config(url, backtest=SPLIT))
        made.run()
        made.refresh()
        yield made
        made.engine.dispose()
        databases.drop(url)


@pytest.fixture(scope="module")
def file(session, tmp_path_factory):
    target = tmp_path_factory.mktemp("page") / "report.html"
    write_report(session, target, command=lambda text: f"mass-tuning {text}")
    return target.as_uri()


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("the browser tests need Chromium", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def report(chromium, file):
    """The page, drawn; a test fails for whatever the page complained of."""
    page = chromium.new_page(viewport={"width": 1400, "height": 900}, color_scheme="light")
    troubles = []
    page.on("console", lambda said: troubles.append(said.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file)
    page.wait_for_selector("html[data-ready]")
    yield page
    assert troubles == []
    assert asked == [file]
    page.close()


def counted(session, *conditions):
    """Strategies, failed ones and those above 0, as the database counts them."""
    column = results.c.net_sharpe_ratio
    of_session = results.c.session_id == session.row.session_id
    counts = [sa.func.count(), sa.func.count().filter(column.is_(None))]
    query = sa.select(*counts, sa.func.count().filter(column > 0)).where(of_session, *conditions)
    with session.engine.connect() as connection:
        return tuple(connection.execute(query).one())


def selected(page):
    cell = page.locator("#n-selected")
    n = int(cell.inner_text().replace(",", ""))
    return n, *(int(cell.get_attribute(f"data-{name}")) for name in ("failed", "above"))


def names(page):
    return page.locator("#leaders tbody tr:not([hidden]) th").all_inner_texts()


def test_a_click_on_a_cell_chooses_what_sql_counts(report, session):
    assert selected(report) == counted(session)
    report.select_option("#heat-x", label="window size")
    report.select_option("#heat-y", label="data period")
    for place in range(report.locator("#heat [data-cell]").count()):
        cell = report.locator(f'#heat [data-cell="{place}"]')
        across, down = (5, 10, 20)[place % 3], (10, 140)[place // 3]
        cell.click()
        conditions = results.c.window_size == across, results.c.data_period == down
        assert selected(report) == counted(session, *conditions)
        where = report.locator("#where-text").inner_text()
        assert f"window_size in ({across}) and data_period in ({down})" in where
        report.locator(f'#heat [data-cell="{place}"]').click()
        assert selected(report) == counted(session)


def test_the_command_of_a_selection_is_one_for_a_shell(report, session):
    report.locator("#heat [data-cell]").first.click()
    words = shlex.split(report.locator("#where-text").inner_text())
    where = words[words.index("--where") + 1]
    assert read_filter(session, where) is not None
    assert '"' not in report.locator("#where-text").inner_text()


def test_a_twin_has_no_neighbours_of_another_strategy(report, session):
    data = SessionData(session)
    space, digits = data.table.space, data.table.digits
    column = space.names.index("rebalance_frequency")
    own = data.best(500).rows
    k, other = next(
        (k, other)
        for k, leader in enumerate(leaders_of(data))
        for other in set(digits[leader.twins, column]) - {digits[own[k], column]}
    )
    heads = report.locator("#leaders thead th").all_inner_texts()
    places = [place for place, head in enumerate(heads) if head in ("neighbours", "gap")]
    assert len(places) == 2

    def shown():
        report.locator("#all-rows").click() if report.locator("#all-rows").is_visible() else None
        row = report.locator("#leaders tbody tr").nth(k).locator("th, td")
        return row.nth(1).inner_text(), [row.nth(place).inner_text() for place in places]

    name, before = shown()
    assert name == data.strategy_ids(own[[k]])[0]
    assert before != ["–", "–"]
    value = str(space.parameters[column].finite_values()[other])
    button = report.locator(f'[data-parameter="{column}"][data-place]')
    button.get_by_text(value, exact=True).click()
    twin, without = shown()
    assert twin != name
    assert without == ["–", "–"]
    report.locator("#reset").click()
    assert shown() == (name, before)


def test_factors_and_their_number(report, session):
    with_sr = results.c.factors.contains('"SR"')
    without_dd = results.c.factors.not_like('%"DD"%')
    report.get_by_role("radiogroup", name="SR").locator('[value="1"]').check()
    assert selected(report) == counted(session, with_sr)
    report.get_by_role("radiogroup", name="DD").locator('[value="2"]').check()
    assert selected(report) == counted(session, with_sr, without_dd)
    report.locator('[data-size="2"]').click()
    both = results.c.factors == '["SR", "TR"]'
    assert selected(report) == counted(session, both)
    report.locator("#reset").click()
    assert selected(report) == counted(session)


def test_the_keyboard_moves_through_cells_and_chooses(report, session):
    report.locator('#heat [tabindex="0"]').focus()
    report.keyboard.press("ArrowRight")
    focused = "document.activeElement.dataset.cell"
    assert report.evaluate(focused) == "1"
    report.keyboard.press("Enter")
    assert selected(report)[0] < counted(session)[0]
    assert report.evaluate(focused) == "1"
    assert report.locator('#heat [data-cell="1"]').get_attribute("aria-pressed") == "true"
    report.keyboard.press(" ")
    assert selected(report) == counted(session)


def test_chips_by_keyboard(report, session):
    chip = report.locator('[data-place="1"]').first
    chip.focus()
    report.keyboard.press("Space")
    assert chip.get_attribute("aria-pressed") == "true"
    assert selected(report) == counted(session, results.c.window_size == 10)
    assert "strategies in the selection" in report.locator("#said").inner_text()


def test_the_table_is_sorted_and_filtered(report, session):
    best = session.top(1)["strategy_id"].iloc[0]
    assert names(report)[0] == best
    head = report.locator("#leaders thead th", has_text="strategy")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") in ("ascending", "descending")
    head.get_by_role("button").click()
    listed = names(report)
    assert listed in (sorted(listed), sorted(listed, reverse=True))
    report.fill("#filter", "sr_w5")
    assert names(report)
    assert all("SR_W5" in name for name in names(report))
    report.fill("#filter", "<b>nothing</b>")
    assert names(report) == []
    assert "None of the best" in report.locator("#n-leaders").inner_text()


def test_a_selection_without_a_leader_shows_its_own_best(report, session):
    report.locator(".chip").filter(has_text="FS").click()
    shown = names(report)
    assert shown
    assert all(name.endswith("_FS") for name in shown)
    frame = session.top(1, where="weight_method = 'FS'")
    value = f"{frame['net_sharpe_ratio'].iloc[0]:.3f}"
    assert report.locator("#selected-best").inner_text() == value


def test_no_english_is_left_in_the_chinese_page(report):
    report.locator("#language").click()
    assert report.evaluate("document.documentElement.lang") == "zh-Hant"
    read = """() => {
        const copy = [...document.querySelectorAll('h1, h2, p, li, dt, dd, th, td, text, button, label, legend, option, summary')];
        return copy.filter((each) => each.checkVisibility() && !each.closest('[lang=en]') && !each.closest('code'))
            .map((each) => [...each.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join(' '));
    }"""  # noqa: E501
    left = [ALLOWED.sub("", text) for text in report.evaluate(read)]
    assert [text for text in left if ENGLISH.search(text)] == []
    report.locator("#language").click()
    assert report.locator("h2").first.inner_text() == "Is it luck?"


def test_the_theme_goes_round(report):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = report.evaluate(ground)
    button = report.locator("#theme")
    button.click()
    assert (button.inner_text(), report.evaluate(ground)) == ("Theme: light", light)
    button.click()
    assert button.inner_text() == "Theme: dark"
    assert report.evaluate(ground) != light
    button.click()
    assert (button.inner_text(), report.evaluate(ground)) == ("Theme: system", light)


@pytest.mark.parametrize("width", [1400, 800, 400])
def test_nothing_is_wider_than_the_window(report, width):
    report.set_viewport_size({"width": width, "height": 900})
    report.wait_for_timeout(200)
    assert report.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints(report):
    assert len(report.pdf()) > 50_000


def test_without_a_script_the_figures_are_there(chromium, file):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file)
    assert page.locator("noscript").count() == 1
    assert page.locator("svg.figure").count() >= 8
    assert page.locator("#leaders tbody tr").count() == 25
    assert not page.locator("#reset").is_visible()
    context.close()


@pytest.mark.parametrize("is_failing", [False, True], ids=["measured", "all failed"])
def test_an_objective_of_ones_own_with_one_parameter(session, chromium, tmp_path, is_failing):
    own = {
        "type": "tests.studies.analysis.own_objective:OnlyFigures",
        "metrics": {"net_sharpe_ratio": "maximize"},
    }
    parameters = {"n_held": {"range": [1, 4]}}
    url = session.engine.url.render_as_string()
    made = Session.create(make_config(url, objective=own, parameters=parameters))
    made.run()
    made.refresh()
    if is_failing:
        with made.engine.begin() as connection:
            failed = {"net_sharpe_ratio": None, "raw_result": '{"failure": "timeout"}'}
            mine = results.c.session_id == made.row.session_id
            connection.execute(results.update().where(mine).values(failed))
    write_report(made, tmp_path / "own.html", command=str)
    made.engine.dispose()
    page = chromium.new_page()
    troubles = []
    page.on("console", lambda said: troubles.append(said.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto((tmp_path / "own.html").as_uri())
    page.wait_for_selector("html[data-ready]")
    page.locator('[data-place="2"]').click()
    assert selected(page)[:2] == (1, int(is_failing))
    assert names(page) == ([] if is_failing else ["P2"])
    page.locator("#language").click()
    assert troubles == []
    page.close()
