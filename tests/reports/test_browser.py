"""The page in a browser: no errors; mouse and keyboard select moments; phone screens and dark mode work."""

import shutil

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update")  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (CHROMIUM and DRIVER):
        pytest.skip("no Chromium with its driver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, written):
    screen = {"width": 1100, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get(written[0].as_uri())
    return browser


def find(page, selector):
    return page.find_elements("css selector", selector)


def test_it_loads_without_an_error_or_a_request(page):
    assert [entry for entry in page.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert page.title.startswith("multi_attention, step")  # no class name ran as a script
    assert all(status.text for status in find(page, ".status"))


def test_a_click_selects_a_moment_and_another_click_deselects_it(page):
    first, second = find(page, "#video0 .moments button")[:2]
    for button in (second, first):
        button.click()
        pressed = find(page, ".moments button[aria-pressed=true]")
        assert pressed == [button]
    marked = [mark for mark in find(page, "#video0 .range") if mark.is_displayed()]
    assert len(marked) == 2  # over the classes and over the heads
    plot, start, end = (
        page.execute_script(f"return {what}", marked[0], first)
        for what in ("arguments[0].parentElement.getBoundingClientRect()", "+arguments[1].dataset.start",
                     "+arguments[1].dataset.end")
    )  # fmt: skip
    frames = int(find(page, "#time0")[0].get_attribute("max")) + 1
    assert marked[0].rect["x"] == pytest.approx(plot["x"] + plot["width"] * start / frames, abs=2)
    assert marked[0].rect["width"] == pytest.approx(plot["width"] * (end - start) / frames, abs=2)
    first.click()
    assert not find(page, ".moments button[aria-pressed=true]")
    assert not any(mark.is_displayed() for mark in find(page, "#video0 .range"))


def test_the_keyboard_does_all_that_the_mouse_does(page):
    keys = pytest.importorskip("selenium.webdriver").Keys
    button, slider, status = (
        find(page, f"#video0 {s}")[0] for s in (".moments button", "input[type=range]", ".status")
    )
    button.send_keys(keys.ENTER)
    assert button.get_attribute("aria-pressed") == "true"
    before = status.text
    slider.send_keys(keys.ARROW_LEFT if slider.get_property("value") != "0" else keys.ARROW_RIGHT)
    assert status.text.split(":")[:2] != before.split(":")[:2]
    assert slider.get_attribute("aria-valuetext") == status.text


def test_classes_can_be_found_by_name(page):
    rows = find(page, "#by-class tbody tr")
    assert all(row.is_displayed() for row in rows)
    name = rows[-1].text.split()[-5]  # the class id, at the end of its name
    find(page, "#find")[0].send_keys(name)
    assert [row for row in rows if row.is_displayed()] == [rows[-1]]


def test_on_a_phone_nothing_overflows(page):
    screen = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    assert page.execute_script("return document.documentElement.scrollWidth") <= 360
    buttons = find(page, "#video0 .moments button")
    assert min(button.rect["height"] for button in buttons) >= 40
    buttons[0].click()
    assert buttons[0].get_attribute("aria-pressed") == "true"


def test_on_a_phone_figures_stay_whole_and_names_are_not_cut(page):
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 3, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    lines = """const range = document.createRange();
        return [...document.querySelectorAll(arguments[0])].map(cell => {
          range.selectNodeContents(cell);
          return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size; })"""
    for cells in ("#scores td:not(.bar)", "#by-class tbody td:not(.bar)", ".tiles dd"):
        found = page.execute_script(lines, cells)
        assert found and set(found) == {1}, cells
    cut = """return [...document.querySelectorAll('.names span')].filter(name =>
        name.scrollWidth > name.clientWidth + 1 || name.scrollHeight > name.parentElement.clientHeight + 1).length"""
    assert find(page, ".names span") and page.execute_script(cut) == 0


def test_a_row_is_beside_its_name(page):
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 3, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    for plot in find(page, ".plot"):
        names = page.execute_script("return [...arguments[0].previousElementSibling.children]", plot)
        high = plot.rect["height"] / len(names)
        for row, name in enumerate(names):
            middle = name.rect["y"] + name.rect["height"] / 2
            assert middle == pytest.approx(plot.rect["y"] + (row + 0.5) * high, abs=3)


def test_light_and_dark(page):
    seen = {}
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        style = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
        text, ground = (sum(map(int, color.strip("rgb()").split(","))) for color in page.execute_script(style))
        seen[scheme] = text < ground
    assert seen == {"light": True, "dark": False}
