"""What a bare phone number gets."""

from hermodr_contracts.channels import CHANNELS
from hermodr_contracts.vocabulary import Channel
from tests.unit.deciding.test_deciding import JANE, TO_JANE, decided


def test_a_bare_phone_gets_one_text_unless_channels_are_named() -> None:
    phone = TO_JANE._replace(recipient=None, recipient_id=None, to_phone=JANE.phone, has_content=True)
    served = {each: CHANNELS[each] for each in (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP)}
    assert [each.channel for each in decided(phone, None, served).deliveries] == ["sms"]
    del served[Channel.SMS]
    assert [each.channel for each in decided(phone, None, served).deliveries] == ["whatsapp"]
    named = phone._replace(channels=(Channel.WHATSAPP, Channel.SMS))
    assert [each.channel for each in decided(named, None, CHANNELS).deliveries] == ["whatsapp", "sms"]
