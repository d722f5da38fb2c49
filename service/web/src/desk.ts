/** Entry of the officer's desk. */
import './desk/deskApp';
import { keepPlaceOnLanguageChange, skipLinks } from './core/shell';

keepPlaceOnLanguageChange();
skipLinks();
