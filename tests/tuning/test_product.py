import pytest

from pock_mlir.tuning import Product

TEXTS = {
    "f32 512x96x384 mk kn": Product(512, 96, 384),
    "f32 512x96x384 mk kn!": Product(512, 96, 384, rhs_frozen=True),
    "f32 8x3*128x32x64 mk nk": Product(128, 32, 64, (8, 3), rhs_columns_last=False),
    "bf16 6x16x9 km! kn": Product(6, 16, 9, (), False, lhs_frozen=True, element="bf16"),
}


@pytest.mark.parametrize(("text", "product"), TEXTS.items(), ids=TEXTS)
def test_text(text: str, product: Product) -> None:
    assert str(product) == text
    assert Product.parse(text) == product


@pytest.mark.parametrize("text", ["", "f32 5x6 mk kn", "f32 5x6x7 mk mk", "f32 5x6x7 mk kn ?"])
def test_no_product(text: str) -> None:
    with pytest.raises(ValueError, match="is no product; one is like"):
        Product.parse(text)


def test_operands() -> None:
    product = Product.parse("f32 8*128x32x64 km nk")
    assert product.lhs_shape == (8, 64, 128)
    assert product.rhs_shape == (8, 32, 64)
    assert product.multiplications == 8 * 128 * 32 * 64


def test_swapping_twice_is_nothing() -> None:
    product = Product.parse("f32 8*128x32x64 km! nk")
    assert str(product.swapped) == "f32 8*32x128x64 mk kn!"
    assert product.swapped.swapped == product
